// What an engine can't do, with the reason and the error that the test fails with. A test that
// fails otherwise, or passes, fails the run.

const MUTE = {
  why: "WebKitWebDriver has no command for console messages and does not speak BiDi",
  error: /this engine tells no console messages/,
};

const NO_INPUT_METHOD = {
  why: "WebDriver and WebDriver BiDi have no command for input methods",
  error: /this driver has no input method/,
};

export const EXCEPTIONS = {
  Firefox: {
    "N76: composing with an input method counts": NO_INPUT_METHOD,
  },
  WebKit: {
    "the engine tells an exception that nobody caught": MUTE,
    "a frame under another origin says that it is off": MUTE,
    "N77: “stay” at beforeunload leaves a cover with a button": {
      why: "under its driver, WebKit leaves pages without asking",
      error: /the browser asks/,
    },
    "N76: composing with an input method counts": NO_INPUT_METHOD,
    "a private window has no session of the others": {
      why: "under its driver, all of WebKit is one private session",
      error: /this engine runs as one private session/,
    },
    "axe: the warning, dark": {
      why: "WebKitGTK draws a dark button, and tells axe that it is light grey",
      error: /sign-out.*contrast of 1\.81 .*background color: #c0c0c0/,
    },
  },
};
