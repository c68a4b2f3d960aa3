// The tests that every engine runs: each with its own bank, and a host of its own in the one browser.

import assert from "node:assert/strict";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { Bank } from "../harness/bank.mjs";
import { folderOf } from "../harness/scene.mjs";
import { within } from "../harness/wait.mjs";
import { EXCEPTIONS } from "./exceptions.mjs";
import { Front } from "./front.mjs";
import { Page } from "./page.mjs";

const LONGEST_MS = 60_000;
/** Tests mostly wait. A browser has one window in front, so that those beside one another have one each. */
const BROWSERS = 2;

const scenes = new Map();
// `node webkit.test.mjs frame` runs the tests whose names contain an argument; without one all run.
const wanted = process.argv.slice(2);
const isWanted = ([name]) => wanted.length === 0 || wanted.some((part) => name.includes(part));

/** Defines a test of every engine. `policy` is the bank's; `body` gets the stage and node's test context. */
export function scene(name, { policy }, body) {
  scenes.set(name, { policy, body });
}

/** Runs all tests in this engine, in several browsers, in each one after another. */
export function runAll({ name: engine, cookies, launch }) {
  const exceptions = EXCEPTIONS[engine] ?? {};
  test(`${engine} starts, and every test runs in it`, { concurrency: BROWSERS }, async (t) => {
    const start = Date.now();
    const chosen = [...scenes].filter(isWanted);
    const waiting = [...chosen];
    // One after another: a start takes all that the machine has.
    let started = Promise.resolve();
    const work = async () => {
      started = started.then(() => launch());
      const browser = await started;
      try {
        t.diagnostic(`${engine} ${browser.version}, after ${Date.now() - start} ms`);
        Object.assign(browser, { cookies });
        while (waiting.length > 0) {
          const [name, one] = waiting.shift();
          const title = `${engine}: ${name}`;
          await t.test(title, (t) => play(browser, title, one, exceptions[name], t));
        }
      } finally {
        await browser.end();
      }
    };
    await Promise.all(Array.from({ length: Math.min(BROWSERS, waiting.length) }, work));
    const unknown = Object.keys(exceptions).filter((name) => !scenes.has(name));
    if (unknown.length > 0) throw new Error(`exceptions of no test: ${unknown.join("; ")}`);
    t.diagnostic(`${engine}: ${chosen.length} tests in ${Date.now() - start} ms`);
  });
}

/** Plays a test, which must pass, or with an exception must fail as the exception says. */
async function play(browser, title, { policy, body }, exception, t) {
  browser.messages?.splice(0);
  const stage = await Stage.open(browser, policy);
  try {
    await within(LONGEST_MS, body(stage, t));
    const uncaught = browser.messages?.filter(({ type }) => type === "uncaught").map(({ text }) => text);
    assert.deepEqual(uncaught ?? [], []);
  } catch (error) {
    if (exception?.error.test(error.message)) return t.diagnostic(`exception: ${exception.why}`);
    await stage.keep(title).catch((lost) => t.diagnostic(`no artifacts saved: ${lost.message}`));
    throw error;
  } finally {
    await stage.close();
  }
  if (exception) throw new Error(`this engine passes: remove its exception (${exception.why})`);
}

let hosts = 1;

class Stage {
  #pages = [];
  #fronts = [];

  static async open(browser, policy) {
    const stage = new Stage();
    stage.browser = browser;
    const args = browser.cookies.includes("__Host-secure") ? [] : ["--insecure-plain-http-cookie"];
    stage.bank = await Bank.start({ policy, args });
    // Tests share the browser's cookies, so each has a host.
    stage.host = `127.0.0.${(hosts += 1)}`;
    stage.front = await stage.anotherFront();
    stage.page = stage.#adopt(browser.first);
    return stage;
  }

  /** Serves the bank on one more port of this host, or another. */
  async anotherFront(host = this.host) {
    const front = await Front.to(this.bank, host);
    this.#fronts.push(front);
    return front;
  }

  #adopt(tab) {
    const page = new Page(tab, this.front.url);
    this.#pages.push({ page, tab });
    return page;
  }

  /** One more window. */
  async openWindow() {
    return this.#adopt(await this.browser.openWindow());
  }

  /** A tab behind the others. */
  async openHidden() {
    return this.#adopt(await this.browser.openHidden());
  }

  /** A private window, which shares nothing with the others. */
  async openPrivate() {
    return this.#adopt(await this.browser.openPrivate());
  }

  /** The window that opens while this is done. */
  async opened(deed) {
    return this.#adopt(await this.browser.opened(deed));
  }

  /** The first window, signed in, on the account page. */
  async signedIn() {
    await this.page.signIn();
    return this.page;
  }

  /** What the server says of the session, asked past the browser: see `Bank.truth`. */
  truth() {
    const [name, value] = this.front.cookie.split("=");
    return this.bank.truth({ cookies: async () => [{ name, value }] });
  }

  /** Suspends the browser with all its processes for a while, out of the bank's reach. */
  async sleep(untilOver) {
    this.front.cut();
    this.browser.group.signal("SIGSTOP");
    try {
      await untilOver();
    } finally {
      this.front.mend();
      this.browser.group.signal("SIGCONT");
    }
  }

  /** Closes a page that the test is done with. */
  async leave(page) {
    await page.close();
    this.#pages = this.#pages.filter((one) => one.page !== page);
    this.browser.first = this.#pages[0].tab;
  }

  async keep(title) {
    const folder = folderOf(title);
    await mkdir(folder, { recursive: true });
    await copyFile(this.bank.logFile, join(folder, "bank.txt"));
    const lines = this.front.requests.map(({ method, path, query }) => `${method} ${path}${query}\n`);
    await writeFile(join(folder, "requests.txt"), lines.join(""));
    for (const [p, { page }] of this.#pages.entries()) {
      await writeFile(join(folder, `page-${p}.png`), await within(5_000, page.screenshot()));
    }
  }

  async close() {
    const [first, ...others] = this.#pages;
    for (const { page } of others) await within(5_000, page.close()).catch(() => {});
    await within(5_000, first.page.goto("about:blank")).catch(() => {});
    for (const front of this.#fronts) await front.close();
    await this.bank.remove();
  }
}
