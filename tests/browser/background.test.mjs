// Invisible tabs, in a browser that hides, freezes and caches them as in normal use.

import assert from "node:assert/strict";

import { assertSecondsRight, dialog, expired, stay, warned } from "./harness/dialog.mjs";
import { assertNothingPersonal } from "./harness/looking.mjs";
import { scene } from "./harness/scene.mjs";
import { ready } from "./harness/visitor.mjs";
import { pass, secondsSince, until } from "./harness/wait.mjs";

const SHORT = { idle: "6s", absolute: "10m", warn: "2s" };

async function signedInTab(stage) {
  const visitor = await stage.visitorWithTabs();
  const page = await visitor.open("/login");
  await visitor.signIn(page);
  return { visitor, page };
}

/** Opens a blank tab in front of the page. */
async function hide(visitor, page) {
  const other = await visitor.context.newPage();
  await other.bringToFront();
  await until("the tab is hidden", () => page.evaluate(() => document.hidden));
  return other;
}

const ended = (visitor) => until("the session ends", async () => !(await visitor.truth()).alive, 9_000);

/** Makes the page call an active route of the bank every half second. */
const callActiveRoute = (page) =>
  page.evaluate(() => {
    setInterval(() => fetch("/api/balance", { cache: "no-store" }), 500);
  });

scene("N5: a fetch extends from a visible tab, not a hidden one", { policy: SHORT }, async (stage, t) => {
  const { visitor, page } = await signedInTab(stage);
  await callActiveRoute(page);
  const shown = Date.now();
  while (secondsSince(shown) < 8) {
    await pass(0.5);
    assert.ok(!(await dialog(page).isVisible()), "the visible tab's active calls do not count");
  }
  assert.equal((await visitor.truth()).alive, true);
  assert.ok(visitor.asked("/api/balance").every(({ headers }) => headers["session-activity"] === undefined));

  await hide(visitor, page);
  const hidden = Date.now();
  await pass(0.6);
  const seen = visitor.asked("/api/balance").length;
  await ended(visitor);
  const took = secondsSince(hidden);
  const calls = visitor.asked("/api/balance").slice(seen);
  assert.ok(calls.length >= 3, "the hidden tab made no calls");
  assert.ok(calls.every(({ headers }) => headers["session-activity"] === "passive"));
  t.diagnostic(`over ${took.toFixed(1)} s after the tab was hidden, ${calls.length} calls meanwhile`);
  assert.ok(took > 4.5 && took < 8.5, `${took} s`);
});

scene("N5: a page's own Session-Activity header is kept", { policy: SHORT }, async (stage) => {
  const { visitor, page } = await signedInTab(stage);
  await hide(visitor, page);
  await page.evaluate(async () => {
    await fetch(new Request("/api/balance?request", { headers: { "x-mark": "kept" } }));
    await fetch("/api/balance?array", { headers: [["x-mark", "kept"]] });
    await fetch(new URL("/api/balance?headers", location.href), { headers: new Headers({ "x-mark": "kept" }) });
    await fetch("/api/balance?own", { headers: { "Session-Activity": "mine" } });
  });
  const calls = visitor.asked("/api/balance");
  assert.equal(calls.length, 4);
  const marks = calls.map(({ headers }) => [headers["x-mark"], headers["session-activity"]]);
  assert.deepEqual(marks, [
    ["kept", "passive"],
    ["kept", "passive"],
    ["kept", "passive"],
    [undefined, "mine"],
  ]);
});

scene("a hidden tab leaves its page when the session ends", { policy: SHORT }, async (stage) => {
  const { visitor, page } = await signedInTab(stage);
  await hide(visitor, page);
  await expired(page, "idle_timeout", 10_000);
});

scene("input in a visible tab keeps silent hidden tabs", {
  policy: { idle: "8s", absolute: "10m", warn: "2s" },
}, async (stage) => {
  const { visitor, page: hidden } = await signedInTab(stage);
  const front = await visitor.open("/");
  await ready(front);
  await front.bringToFront();
  await until("the first tab is hidden", () => hidden.evaluate(() => document.hidden));
  const start = Date.now();
  // In parallel: reading a hidden tab may take long, and typing must not wait for it.
  const type = async () => {
    while (secondsSince(start) < 10) {
      await front.locator('[name="amount"]').press("End");
      await pass(0.2);
    }
  };
  const look = async () => {
    while (secondsSince(start) < 10) {
      assert.ok(!(await dialog(hidden).isVisible()), "the hidden tab warns");
      await pass(0.2);
    }
  };
  await Promise.all([type(), look()]);
  assert.equal((await visitor.truth()).alive, true);
  assert.equal(visitor.asked("/session/events").filter(({ open }) => open).length, 1);
});

scene("N43: a hidden tab warns in time, shown when in front", {
  policy: { idle: "15s", absolute: "10m", warn: "9s" },
}, async (stage) => {
  const { visitor, page } = await signedInTab(stage);
  await hide(visitor, page);
  await pass(8);
  await page.bringToFront();
  await warned(page, 3_000);
  await assertSecondsRight(page, visitor);
  await stay(page).click();
  assert.ok((await visitor.truth()).remaining_ms > 10_000);
});

scene("N43: a frozen tab thawed too late shows no account data", {
  policy: SHORT,
}, async (stage, t) => {
  const { visitor, page } = await signedInTab(stage);
  await hide(visitor, page);
  const client = await visitor.context.newCDPSession(page);
  await client.send("Page.setWebLifecycleState", { state: "frozen" });
  await ended(visitor);
  assert.equal(new URL(page.url()).pathname, "/", "the frozen page went on");
  const start = Date.now();
  await client.send("Page.setWebLifecycleState", { state: "active" });
  await page.bringToFront();
  await expired(page, "idle_timeout", 3_000);
  t.diagnostic(`on the expired page ${Date.now() - start} ms after thawing`);
  await assertNothingPersonal(page);
});

scene("“back” after the end shows no account data", { policy: SHORT }, async (stage) => {
  const { visitor, page } = await signedInTab(stage);
  // Away from the bank while the session expires; then back to the browser's cached page.
  await page.goto("about:blank");
  await ended(visitor);
  await page.goBack({ waitUntil: "commit" });
  await page.waitForURL((url) => ["/login", "/expired"].includes(url.pathname), { timeout: 5_000 });
  await assertNothingPersonal(page);
});
