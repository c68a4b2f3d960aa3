// What a tab does alike by playwright and by puppeteer.

export class Tab {
  constructor(page) {
    this.page = page;
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

  type(text) {
    return this.page.keyboard.type(text);
  }

  close() {
    return this.page.close();
  }
}
