// A page in any engine. An engine gives a tab: `goto`, `url`, `evaluate` of a source text, `click` at
// a point, `move`, `press`, `type`, `compose`, `answerPrompt`, `screenshot`, `resize`, `close`. Tests do
// all with these.

import { pass, until } from "../harness/wait.mjs";

/** In the page: an element by a selector, or a part of the component by `::part(name)`. */
const find = (what) => {
  const part = /^::part\((.+)\)$/.exec(what)?.[1];
  if (!part) return document.querySelector(what);
  const dialog = document.querySelector("session-timeout")?.shadowRoot?.querySelector("dialog[open]");
  return dialog?.matches(`[part~="${part}"]`) ? dialog : dialog?.querySelector(`[part~="${part}"]`);
};

/** In the page: whether the element is visible. */
const isVisible = (element) => element?.checkVisibility({ visibilityProperty: true }) === true;

const PATIENCE_MS = 15_000;

export class Page {
  #tab;
  #origin;

  constructor(tab, origin) {
    this.#tab = tab;
    this.#origin = origin;
  }

  goto(path) {
    return this.#tab.goto(new URL(path, this.#origin).href);
  }

  /** Runs a function in the page; arguments and result are JSON. */
  evaluate(run, ...args) {
    return this.#tab.evaluate(`(${run})(...${JSON.stringify(args)})`);
  }

  /** Runs a function in the page with what `find` finds. */
  of(what, run, ...args) {
    return this.#tab.evaluate(`(${run})((${find})(${JSON.stringify(what)}), ...${JSON.stringify(args)})`);
  }

  /** Runs a script in the page that the page itself could not load. */
  async inject(source) {
    await this.#tab.evaluate(`(() => { ${source}\n })()`);
  }

  /** Waits until the function is true in the page. */
  until(what, run, args = [], timeout = PATIENCE_MS) {
    return until(what, () => this.evaluate(run, ...args).catch(() => false), timeout);
  }

  /** Waits for a page by its address. What is evaluated while a page leaves may get no answer. */
  arrives(what, isThere, timeout = PATIENCE_MS) {
    return until(what, async () => isThere(new URL(await this.#tab.url())), timeout);
  }

  sees(what) {
    return this.of(what, isVisible);
  }

  /** Waits until it is visible. */
  see(what, timeout = PATIENCE_MS) {
    return until(`${what} is visible`, () => this.sees(what).catch(() => false), timeout);
  }

  /** Waits for a warning that stays: input elsewhere may be reported just then, and close it. */
  warned() {
    return until("a warning stays", async () => {
      await this.see("::part(stay)");
      await pass(0.4);
      return this.sees("::part(stay)");
    });
  }

  /** Waits until no dialog is open. */
  unwarned(timeout = 3_000) {
    return until("the dialog is closed", async () => !(await this.sees("::part(dialog)").catch(() => true)), timeout);
  }

  /** The text of the dialog; empty without a dialog. */
  async dialogText() {
    return (await this.of("::part(dialog)", (dialog) => dialog?.innerText)) ?? "";
  }

  async click(what) {
    const [x, y] = await this.of(what, (element) => {
      element.scrollIntoView({ block: "center" });
      const { x, y, width, height } = element.getBoundingClientRect();
      return [x + width / 2, y + height / 2];
    });
    await this.clickAt(x, y);
  }

  /** Clicks at a point of the window, in whole pixels. */
  clickAt(x, y) {
    return this.#tab.click(Math.round(x), Math.round(y));
  }

  /** Moves the pointer to a point of the window. */
  moveTo(x, y) {
    return this.#tab.move(x, y);
  }

  /** Waits until the browser asks whether to leave the page, and answers. */
  answerPrompt(isLeaving, timeout = PATIENCE_MS) {
    return this.#tab.answerPrompt(isLeaving, timeout);
  }

  /** Composes a text by an input method. */
  compose(text) {
    return this.#tab.compose(text);
  }

  /** Presses a key, such as `a`, `Enter` or `Shift+Tab`. */
  press(key) {
    return this.#tab.press(key);
  }

  /** Types into a field, without a pointer. */
  async fill(what, text) {
    await this.of(what, (field) => field.focus());
    await this.#tab.type(text);
  }

  async signIn(user = "alice") {
    await this.goto("/login");
    await this.fill('[name="username"]', user);
    await this.fill('[name="password"]', "demo-password");
    await this.press("Enter");
    await this.arrives("the account page", ({ pathname }) => pathname === "/");
    await this.ready();
  }

  /** Waits until the component knows the session. */
  ready() {
    return this.until("the component is ready", () => document.querySelector("session-timeout")?.status != null);
  }

  /** Waits for the expired page with this reason. */
  expired(reason, timeout = PATIENCE_MS) {
    return this.arrives(
      `the expired page says ${reason}`,
      ({ pathname, searchParams }) => pathname === "/expired" && searchParams.get("reason") === reason,
      timeout,
    );
  }

  screenshot() {
    return this.#tab.screenshot();
  }

  resize(width, height) {
    return this.#tab.resize(width, height);
  }

  close() {
    return this.#tab.close();
  }
}
