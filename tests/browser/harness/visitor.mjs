// A visitor with a browser: its pages, and a record of their requests and messages.

const USER_FIELD = 'input[name="username"]';
const PASSWORD_FIELD = 'input[name="password"]';
const PASSWORD = "demo-password";

export class Visitor {
  #started = Date.now();
  #lines = [];

  /** Every request of every page, with its response once it has arrived. */
  requests = [];
  /** Console messages: `{page, type, text}`. */
  messages = [];
  /** Exceptions that no script caught. */
  errors = [];
  pages = [];

  constructor(bank, context) {
    this.bank = bank;
    this.context = context;
    context.on("page", (page) => this.#watch(page));
    context.on("request", (request) => {
      this.requests.push(new Asked(request));
      this.#note(`${request.method()} ${request.url()} ${request.headers()["session-activity"] ?? ""}`);
    });
    context.on("requestfinished", (request) => this.#settle(request));
    context.on("requestfailed", (request) => this.#settle(request));
  }

  async open(path = "/") {
    const page = await this.context.newPage();
    await page.goto(this.bank.url + path);
    return page;
  }

  /** Signs in by keyboard, so that no pointer rests on the next page. */
  async signIn(page, user = "alice") {
    await page.fill(USER_FIELD, user);
    await page.fill(PASSWORD_FIELD, PASSWORD);
    const arrived = page.waitForURL((url) => url.pathname !== "/login");
    await page.press(PASSWORD_FIELD, "Enter");
    await arrived;
    await ready(page);
  }

  /** Blocks the event stream from now on, so that only the status document is left. */
  async loseStream() {
    await this.context.route("**/session/events", (route) => route.fulfill({ status: 404 }));
  }

  truth() {
    return this.bank.truth(this.context);
  }

  /** The requests so far to this path of the bank, or to matching paths. */
  asked(path) {
    const matches = path instanceof RegExp ? (at) => path.test(at) : (at) => at === path;
    return this.requests.filter(({ url }) => matches(new URL(url).pathname));
  }

  /** The component's messages on the console. */
  warnings() {
    return this.messages.filter(({ type, text }) => type === "warning" && text.includes("session-timeout"));
  }

  story() {
    return this.#lines.join("\n") + "\n";
  }

  #watch(page) {
    const number = this.pages.push(page) - 1;
    page.on("console", (message) => {
      this.messages.push({ page, type: message.type(), text: message.text() });
      this.#note(`page ${number} ${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => {
      this.errors.push(error);
      this.#note(`page ${number} uncaught: ${error.stack ?? error}`);
    });
    page.on("framenavigated", (frame) => this.#note(`page ${number} is at ${frame.url()}`));
  }

  #settle(request) {
    const asked = this.requests.find((one) => one.is(request));
    asked?.end();
    const failure = request.failure();
    if (failure) this.#note(`${request.url()}: ${failure.errorText}`);
  }

  #note(line) {
    const seconds = ((Date.now() - this.#started) / 1000).toFixed(3);
    this.#lines.push(`${seconds.padStart(8)} ${line}`);
  }
}

class Asked {
  #request;
  #ended = false;
  at = Date.now();

  constructor(request) {
    this.#request = request;
    this.url = request.url();
    this.method = request.method();
    this.headers = request.headers();
  }

  /** Whether the answer is still open. A closed page emits no event for its open answers. */
  get open() {
    return !this.#ended && !this.#request.frame().page().isClosed();
  }

  end() {
    this.#ended = true;
  }

  is(request) {
    return this.#request === request;
  }

  body() {
    return this.#request.postDataJSON();
  }

  async status() {
    return (await this.#request.response())?.status();
  }
}

/** Waits until the component is defined and knows its deadlines. */
export async function ready(page) {
  await page.waitForFunction(() => document.querySelector("session-timeout")?.status != null);
}
