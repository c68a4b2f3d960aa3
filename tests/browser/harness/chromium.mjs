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
 * Playwright's default pretends that every tab is in front.
 */
export async function launchAsIs() {
  const profile = await mkdtemp(join(tmpdir(), "dwell-profile-"));
  const args = [...ARGS, "--headless", "--remote-debugging-port=0", `--user-data-dir=${profile}`];
  // In its own process group, so that its helpers end with it.
  const child = spawn(PROGRAM, [...args, "about:blank"], { stdio: "ignore", detached: true });
  const kill = () => process.kill(-child.pid, "SIGKILL");
  process.on("exit", kill);
  const end = async () => {
    process.off("exit", kill);
    const ended = once(child, "exit");
    kill();
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  try {
    const file = join(profile, "DevToolsActivePort");
    const text = await until("Chromium listens", () => readFile(file, "utf8").catch(() => ""), 20_000);
    const [port, path] = text.split("\n");
    const browser = await chromium.connectOverCDP(`ws://127.0.0.1:${port}${path}`, { noDefaults: true });
    return { context: browser.contexts()[0], end };
  } catch (error) {
    await end();
    throw error;
  }
}
