// Pages that the browser shows without asking the server: they are covered until it has answered.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { cover, covered, part } from "./harness/dialog.mjs";
import { assertCoveredWhole, assertNothingPersonal, pageShows } from "./harness/looking.mjs";
import { putProxy } from "./harness/proxy.mjs";
import { scene } from "./harness/scene.mjs";
import { until } from "./harness/wait.mjs";

const CALM = { idle: "10m", absolute: "1h", warn: "1m" };

/**
 * Puts a proxy that lets browsers keep the account page, and that can hold up the element's
 * questions: `hold()` returns the function that lets them through.
 */
async function keeping(stage) {
  let held = Promise.resolve();
  await putProxy(stage, {
    async meet({ url }, to) {
      if (url === "/session/events") return !to.writeHead(404).end().closed;
      if (url === "/session") await held;
      return false;
    },
    alter(fields, path) {
      if (path === "/") fields["cache-control"] = "private";
    },
  });
  return function hold() {
    let release;
    held = new Promise((resolve) => (release = resolve));
    return release;
  };
}

/** A page that came from its cache, and not from the server. */
const cameBack = (page) =>
  page.evaluate(() => {
    const [{ type, transferSize }] = performance.getEntriesByType("navigation");
    return type === "back_forward" && transferSize === 0;
  });

async function assertCoveredUntil(page, release) {
  await covered(page, 4_000);
  await assertCoveredWhole(page);
  release();
  await cover(page).waitFor({ state: "hidden", timeout: 4_000 });
  assert.equal(await pageShows(page), true);
}

/** Ends the visitor's session, past the browser. */
async function end({ bank, context }) {
  const headers = { origin: bank.url, "sec-fetch-site": "same-origin" };
  const answer = await bank.request(context, "/session/end", { method: "POST", headers });
  assert.equal(answer.status, 204);
}

/** Away from the account page and back to it, from the browser's cache of files. */
async function thereAndBack(page, meanwhile) {
  await page.goto(new URL("/login", page.url()).href);
  const hold = await meanwhile();
  await page.goBack({ waitUntil: "commit" });
  assert.equal(await cameBack(page), true);
  return hold;
}

scene("“back” to a cached file after the end shows no account", { policy: CALM }, async (stage) => {
  const hold = await keeping(stage);
  const { visitor, page } = await stage.signedIn({ reducedMotion: "reduce" });
  const release = await thereAndBack(page, async () => {
    await end(visitor);
    return hold();
  });
  release();
  await page.waitForURL((url) => url.pathname === "/login", { timeout: 5_000 });
  await assertNothingPersonal(page);
  assert.deepEqual(visitor.errors, []);
});

scene("without an answer a cached file stays covered", { policy: CALM }, async (stage) => {
  await keeping(stage);
  const { visitor, page } = await stage.signedIn({ reducedMotion: "reduce" });
  await thereAndBack(page, () => stage.bank.stop());
  await part(page, "message").filter({ hasText: "Server unreachable." }).waitFor();
  await assertCoveredWhole(page);
  assert.deepEqual(visitor.errors, []);
});

scene("a duplicated tab is covered until answered", { policy: CALM }, async (stage) => {
  const hold = await keeping(stage);
  const extension = await mkdtemp(join(tmpdir(), "dwell-extension-"));
  stage.atEnd(() => rm(extension, { recursive: true }));
  const manifest = { manifest_version: 3, name: "Duplicates tabs", version: "1", background: { service_worker: "worker.js" } };
  await writeFile(join(extension, "manifest.json"), JSON.stringify({ ...manifest, permissions: ["tabs"] }));
  await writeFile(join(extension, "worker.js"), "");
  const visitor = await stage.visitorWithTabs({ args: [`--load-extension=${extension}`] });
  const page = await visitor.open("/login");
  await visitor.signIn(page);
  const worker = await until("the extension runs", () => visitor.context.serviceWorkers()[0]);
  const release = hold();
  const opening = visitor.context.waitForEvent("page");
  await worker.evaluate(async (url) => {
    const tabs = await chrome.tabs.query({});
    await chrome.tabs.duplicate(tabs.find((tab) => tab.url === url).id);
  }, page.url());
  const twin = await opening;
  await until("it came from the cache", () => cameBack(twin).catch(() => false));
  await assertCoveredUntil(twin, release);
});

scene("a restored browser session is covered until answered", { policy: CALM }, async (stage) => {
  const hold = await keeping(stage);
  const before = await stage.visitorWithTabs();
  const left = await before.open("/login");
  await before.signIn(left);
  const url = left.url();
  // Only tabs that were in front are loaded again.
  for (const other of before.context.pages()) if (other !== left) await other.close();
  const release = hold();
  const { context } = await before.restarted();
  const page = await until("the tab is back", () => context.pages().find((page) => page.url() === url));
  await page.bringToFront();
  await until("it came from the cache", () => cameBack(page).catch(() => false));
  await assertCoveredUntil(page, release);
});
