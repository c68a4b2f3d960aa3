// Chromium: one per test file, or one as in normal use.

import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { Group } from "./group.mjs";
import { until } from "./wait.mjs";

const PROGRAM = process.env.DWELL_CHROMIUM ?? "/usr/bin/chromium";

// Each window loads the suggestions of its address bar as two pages of their own, which takes most
// of its processor time. The others look around in the network. This replaces Playwright's list.
const WITHOUT = ["WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "MediaRouter", "OptimizationHints"];

// Without background traffic: the tests use the loopback only.
const ARGS = [
  `--disable-features=${WITHOUT}`,
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
  const all = (profile, last) =>
    [...ARGS, "--headless", "--remote-debugging-port=0", `--user-data-dir=${profile}`, ...args, last];
  const group = await Group.start(PROGRAM, (profile) => [all(profile, "about:blank")]);
  const file = join(group.folder, "DevToolsActivePort");
  const end = () => group.end();
  let browser;
  const connect = async () => {
    const text = await until("Chromium listens", () => readFile(file, "utf8").catch(() => ""), 20_000);
    const [port, path] = text.split("\n");
    const options = { noDefaults: true, timeout: 15_000 };
    const attempt = () => chromium.connectOverCDP(`ws://127.0.0.1:${port}${path}`, options);
    // While it restores tabs, Chromium may leave a connection without an answer.
    browser = await attempt().catch(attempt);
    return browser.contexts()[0];
  };
  const restart = async () => {
    const client = await browser.newBrowserCDPSession();
    // The answer may be lost with the browser.
    await client.send("Browser.close").catch(() => {});
    await group.again(async () => {
      await rm(file, { force: true });
      return all(group.folder, "--restore-last-session");
    });
    return connect();
  };
  try {
    return { context: await connect(), group, end, restart };
  } catch (error) {
    await end();
    throw error;
  }
}
