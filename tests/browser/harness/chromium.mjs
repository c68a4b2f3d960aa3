// Chromium: one per test file, or one as in normal use.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { until } from "./wait.mjs";

const PROGRAM = process.env.DWELL_CHROMIUM ?? "/usr/bin/chromium";

// Without background traffic: the tests use the loopback only.
const ARGS = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-gpu",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
  // The sandbox does not start for root, and containers run tests as root.
  "--no-sandbox",
];

export function launch({ args = [], ...options } = {}) {
  return chromium.launch({ executablePath: PROGRAM, args: [...ARGS, ...args], ...options });
}

/**
 * A Chromium in which a tab is hidden behind another, can be frozen, and is cached for "back".
 * Playwright's default pretends that every tab is in front. `restart` closes it as a user does and
 * starts it with its last tabs; it returns the new context.
 */
export async function launchAsIs({ args = [] } = {}) {
  const profile = await mkdtemp(join(tmpdir(), "dwell-profile-"));
  const chromium = new AsIs(profile, args);
  try {
    const context = await chromium.start("about:blank");
    return { context, end: () => chromium.end(), restart: () => chromium.restart() };
  } catch (error) {
    await chromium.end();
    throw error;
  }
}

class AsIs {
  #profile;
  #args;
  #child;
  #browser;
  #kill = () => process.kill(-this.#child.pid, "SIGKILL");

  constructor(profile, args) {
    this.#profile = profile;
    this.#args = [...ARGS, "--headless", "--remote-debugging-port=0", `--user-data-dir=${profile}`, ...args];
    process.on("exit", this.#kill);
  }

  async start(last) {
    // In its own process group, so that its helpers end with it.
    this.#child = spawn(PROGRAM, [...this.#args, last], { stdio: "ignore", detached: true });
    const file = join(this.#profile, "DevToolsActivePort");
    const text = await until("Chromium listens", () => readFile(file, "utf8").catch(() => ""), 20_000);
    const [port, path] = text.split("\n");
    this.#browser = await chromium.connectOverCDP(`ws://127.0.0.1:${port}${path}`, { noDefaults: true });
    return this.#browser.contexts()[0];
  }

  async restart() {
    const ended = once(this.#child, "exit");
    const client = await this.#browser.newBrowserCDPSession();
    // The answer may be lost with the browser.
    await client.send("Browser.close").catch(() => {});
    await ended;
    await rm(join(this.#profile, "DevToolsActivePort"), { force: true });
    return this.start("--restore-last-session");
  }

  async end() {
    process.off("exit", this.#kill);
    const ended = once(this.#child, "exit");
    this.#kill();
    await ended;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
