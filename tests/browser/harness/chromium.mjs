// Chromium: one for each test file, or one as a person has it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { until } from "./wait.mjs";

const PROGRAM = process.env.DWELL_CHROMIUM ?? "/usr/bin/chromium";

// Without a network of its own: nothing here asks anybody but the loopback.
const ARGS = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-gpu",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
  // The sandbox does not start for root, who tests are run as in a container.
  "--no-sandbox",
];

export function launch({ args = [], ...options } = {}) {
  return chromium.launch({ executablePath: PROGRAM, args: [...ARGS, ...args], ...options });
}

/**
 * A Chromium in which a tab is hidden once another is in front, is frozen when it is told to, and
 * is kept for "back". Playwright's own way to start one pretends that every tab is in front.
 */
export async function launchAsIs() {
  const profile = await mkdtemp(join(tmpdir(), "dwell-profile-"));
  const args = [...ARGS, "--headless", "--remote-debugging-port=0", `--user-data-dir=${profile}`];
  // A group of its own, so that its helpers end with it.
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
