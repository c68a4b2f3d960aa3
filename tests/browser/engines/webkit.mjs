// WebKit, as WebKitGTK's MiniBrowser on an X server of its own, by plain WebDriver.

import { once } from "node:events";

import { Group } from "../harness/group.mjs";
import { freePort } from "../harness/port.mjs";
import { until, within } from "../harness/wait.mjs";

export const name = "WebKit";

/** The cookies that it takes over http from this machine, by name: see `tests/cookies.mjs`. */
export const cookies = ["__Host-plain", "plain"];

const DRIVER = process.env.DWELL_WEBKIT_DRIVER ?? "/usr/bin/WebKitWebDriver";
const XVFB = process.env.DWELL_XVFB ?? "/usr/bin/Xvfb";

/** A command that takes longer is lost. */
const LONGEST_MS = 15_000;

/** Xvfb picks a display that is free, and writes its number. */
const SCREEN = ["-displayfd", "3", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"];

/** WebDriver's codes of keys. */
const KEYS = { Tab: "\uE004", Enter: "\uE007", Shift: "\uE008", Escape: "\uE00C", End: "\uE010" };

export async function launch({ isDark = false } = {}) {
  const xvfb = await Group.start(XVFB, () => [SCREEN, { stdio: ["ignore", "ignore", "ignore", "pipe"] }]);
  let group;
  const end = async () => {
    await group?.end();
    // So that it removes its socket.
    await xvfb.end("SIGTERM");
  };
  try {
    const [display] = await within(LONGEST_MS, once(xvfb.child.stdio[3], "data"));
    const port = await freePort();
    const args = [`--port=${port}`, "--host=127.0.0.1"];
    group = await Group.start(DRIVER, (home) => [args, { env: environment(home, display) }]);
    const driver = new Driver(`http://127.0.0.1:${port}`);
    await until("WebKitWebDriver answers", () => driver.ask("GET", "/status").catch(() => false));
    const version = await driver.start(["--automation", ...(isDark ? ["--dark-mode"] : [])]);
    const open = async (type) => new Tab(driver, (await driver.ask("POST", "/window/new", { type })).handle);
    return {
      version,
      first: new Tab(driver, await driver.ask("GET", "/window")),
      openWindow: () => open("window"),
      // A new tab opens behind the others.
      openHidden: () => open("tab"),
      openPrivate() {
        throw new Error("this engine runs as one private session");
      },
      /** The tab that opens while this is done. */
      opened: async (deed) => {
        const handles = () => driver.ask("GET", "/window/handles");
        const before = await handles();
        await deed();
        const isNew = (handle) => !before.includes(handle);
        return new Tab(driver, await until("a window opens", async () => (await handles()).find(isNew)));
      },
      // WebDriver has no command for them, and this driver does not speak BiDi.
      messages: undefined,
      group,
      end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

const environment = (home, display) => ({
  PATH: process.env.PATH,
  LANG: "C.UTF-8",
  HOME: home,
  XDG_RUNTIME_DIR: home,
  DISPLAY: `:${String(display).trim()}`,
  GDK_BACKEND: "x11",
  // There is no session bus.
  NO_AT_BRIDGE: "1",
  // The sandbox does not start in containers.
  WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
});

class Driver {
  #url;
  #window;
  #last = Promise.resolve();

  constructor(url) {
    this.#url = url;
  }

  /** Starts the session; returns the browser's version. */
  async start(args) {
    const alwaysMatch = { "webkitgtk:browserOptions": { args }, unhandledPromptBehavior: "ignore" };
    const { sessionId, capabilities } = await this.ask("POST", "/session", { capabilities: { alwaysMatch } });
    this.#url += `/session/${sessionId}`;
    // A page that leaves may take an answer along, and the driver waits for it.
    await this.ask("POST", "/timeouts", { script: 10_000, pageLoad: 10_000 });
    return capabilities.browserVersion;
  }

  async ask(method, path, body) {
    const answer = await fetch(this.#url + path, { method, body: body && JSON.stringify(body), signal: AbortSignal.timeout(LONGEST_MS) });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${path}: ${value.error}: ${value.message}`);
    return value;
  }

  /** Asks in this window. A driver has one window at a time, so the next one waits. */
  in(window, ...what) {
    const asked = this.#last.then(async () => {
      if (window !== this.#window) await this.ask("POST", "/window", { handle: window });
      this.#window = window;
      return this.ask(...what);
    });
    this.#last = asked.catch(() => {});
    return asked;
  }
}

class Tab {
  #driver;
  #window;

  constructor(driver, window) {
    this.#driver = driver;
    this.#window = window;
  }

  #ask(...what) {
    return this.#driver.in(this.#window, ...what);
  }

  goto(url) {
    return this.#ask("POST", "/url", { url });
  }

  url() {
    return this.#ask("GET", "/url");
  }

  evaluate(source) {
    return this.#ask("POST", "/execute/sync", { script: `return ${source}`, args: [] });
  }

  click(x, y) {
    const actions = [
      { type: "pointerMove", x, y, origin: "viewport" },
      { type: "pointerDown", button: 0 },
      { type: "pointerUp", button: 0 },
    ];
    return this.#ask("POST", "/actions", { actions: [{ type: "pointer", id: "mouse", actions }] });
  }

  move(x, y) {
    const actions = [{ type: "pointerMove", x, y, origin: "viewport" }];
    return this.#ask("POST", "/actions", { actions: [{ type: "pointer", id: "mouse", actions }] });
  }

  /** Waits until the browser asks whether to leave the page, and answers. */
  async answerPrompt(isLeaving, timeout) {
    const isAsked = () => this.#ask("GET", "/alert/text").then(() => true, () => false);
    await until("the browser asks", isAsked, timeout);
    await this.#ask("POST", isLeaving ? "/alert/accept" : "/alert/dismiss");
  }

  /** Composes a text by an input method. */
  async compose() {
    throw new Error("this driver has no input method");
  }

  press(key) {
    const keys = key.split("+").map((one) => KEYS[one] ?? one);
    const down = keys.map((value) => ({ type: "keyDown", value }));
    const up = keys.map((value) => ({ type: "keyUp", value })).reverse();
    return this.#keys([...down, ...up]);
  }

  type(text) {
    return this.#keys([...text].flatMap((value) => [{ type: "keyDown", value }, { type: "keyUp", value }]));
  }

  #keys(actions) {
    return this.#ask("POST", "/actions", { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  async screenshot() {
    return Buffer.from(await this.#ask("GET", "/screenshot"), "base64");
  }

  /** Resizes the window so that its page has this size. */
  async resize(width, height) {
    const outer = await this.#ask("GET", "/window/rect");
    const inner = await this.evaluate("({ width: innerWidth, height: innerHeight })");
    const size = { width: width + outer.width - inner.width, height: height + outer.height - inner.height };
    await this.#ask("POST", "/window/rect", size);
  }

  close() {
    return this.#ask("DELETE", "/window");
  }
}
