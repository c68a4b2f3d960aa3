// What a tab does alike by playwright and by puppeteer.

import { until } from "../harness/wait.mjs";

export class Tab {
  #prompt;

  constructor(page) {
    this.page = page;
    page.on("dialog", (prompt) => (this.#prompt = prompt));
  }

  async goto(url) {
    await this.page.goto(url);
  }

  async url() {
    return this.page.url();
  }

  evaluate(source) {
    return this.page.evaluate(source);
  }

  click(x, y) {
    return this.page.mouse.click(x, y);
  }

  move(x, y) {
    return this.page.mouse.move(x, y);
  }

  type(text) {
    return this.page.keyboard.type(text);
  }

  /** Waits until the browser asks whether to leave the page, and answers. */
  async answerPrompt(isLeaving, timeout) {
    const prompt = await until("the browser asks", () => this.#prompt, timeout);
    this.#prompt = undefined;
    await (isLeaving ? prompt.accept() : prompt.dismiss());
  }

  /** Composes a text by an input method. */
  async compose() {
    throw new Error("this driver has no input method");
  }

  close() {
    return this.page.close();
  }
}
