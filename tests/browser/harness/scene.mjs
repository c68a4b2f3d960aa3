// A test in a browser: a bank, visitors, and artifacts of failures.

import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Bank } from "./bank.mjs";
import { launch, launchAsIs } from "./chromium.mjs";
import { Link } from "./link.mjs";
import { Visitor } from "./visitor.mjs";
import { within } from "./wait.mjs";

const KEPT = process.env.DWELL_ARTIFACTS ?? fileURLToPath(new URL("../../../target/browser", import.meta.url));
const LONGEST_MS = 90_000;

/** The folder for what is kept of a failed test. */
export const folderOf = (name) => join(KEPT, name.replace(/[^a-z0-9]+/gi, "-").slice(0, 80));

let browser;
after(async () => (await browser)?.close());

/**
 * Defines a test named `name` with its own bank. `body` gets the stage and node's test context.
 * Options: `policy`, `store` (see `Bank.start`), `link` (visitors connect through a `Link`).
 */
export function scene(name, { policy, store, link }, body) {
  test(name, async (t) => {
    browser ??= launch();
    const bank = await Bank.start({ policy, store });
    const stage = new Stage(await browser, bank);
    try {
      if (link) await stage.putLink();
      await within(LONGEST_MS, body(stage, t));
    } catch (error) {
      await stage.keep(name).catch((lost) => t.diagnostic(`no artifacts saved: ${lost.message}`));
      throw error;
    } finally {
      await stage.close();
    }
  });
}

class Stage {
  #visitors = [];
  #endings = [];

  constructor(browser, bank) {
    this.browser = browser;
    this.bank = bank;
  }

  /** A visitor with a new browser profile; options as for `browser.newContext`. */
  async visitor(options = {}) {
    return this.#adopt(await this.browser.newContext(options));
  }

  /** A visitor whose tabs can be hidden; see `launchAsIs`. `restarted` is the same one afterwards. */
  async visitorWithTabs(options) {
    const { context, end, restart } = await launchAsIs(options);
    this.atEnd(end);
    const restarted = async () => this.#adopt(await restart());
    return Object.assign(this.#adopt(context), { restarted });
  }

  /** Registers an action for the end of the scene, also after a failure. */
  atEnd(ending) {
    this.#endings.push(ending);
  }

  #adopt(context) {
    const visitor = new Visitor(this.bank, context);
    this.#visitors.push(visitor);
    return visitor;
  }

  /** One visitor, signed in, on the account page. */
  async signedIn(options) {
    const visitor = await this.visitor(options);
    const page = await visitor.open("/login");
    await visitor.signIn(page);
    return { visitor, page };
  }

  /** Connects visitors through a link that can be cut, `stage.link`, to the bank or a proxy in front. */
  async putLink(port = this.bank.port) {
    this.link = await Link.to(port);
    this.atEnd(() => this.link.close());
    this.bank.url = this.link.url;
  }

  async keep(name) {
    const folder = folderOf(name);
    await mkdir(folder, { recursive: true });
    await copyFile(this.bank.logFile, join(folder, "bank.txt")).catch(() => {});
    for (const [v, visitor] of this.#visitors.entries()) {
      await writeFile(join(folder, `visitor-${v}.txt`), visitor.story());
      for (const [p, page] of visitor.pages.entries()) {
        if (page.isClosed()) continue;
        const path = join(folder, `visitor-${v}-page-${p}.png`);
        await page.screenshot({ path, timeout: 5_000 }).catch(() => {});
      }
    }
  }

  async close() {
    // A browser that hangs must not delay later tests.
    const close = ({ context }) => within(5_000, context.close()).catch(() => {});
    await Promise.all(this.#visitors.map(close));
    for (const ending of this.#endings) await ending();
    await this.bank.remove();
  }
}
