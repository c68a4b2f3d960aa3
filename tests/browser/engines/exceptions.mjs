// What an engine can't do, with the reason and the error that the test fails with. A test that
// fails otherwise, or passes, fails the run.

const MUTE = {
  why: "WebKitWebDriver has no command for console messages and does not speak BiDi",
  error: /this engine tells no console messages/,
};

export const EXCEPTIONS = {
  WebKit: {
    "the engine tells an exception that nobody caught": MUTE,
    "a frame under another origin says that it is off": MUTE,
    "axe: the warning, dark": {
      why: "WebKitGTK draws a dark button, and tells axe that it is light grey",
      error: /sign-out.*contrast of 1\.81 .*background color: #c0c0c0/,
    },
  },
};
