// A machine that slept: the clock jumps, or stands still while the session expires.

import assert from "node:assert/strict";

import { adapt, cover, covered, expired, stopClock, warned } from "./harness/dialog.mjs";
import { assertCoveredWhole, assertNothingPersonal, pageShows } from "./harness/looking.mjs";
import { scene } from "./harness/scene.mjs";
import { pass, until } from "./harness/wait.mjs";

const HOUR = 3_600_000;
const SHORT = { idle: "5s", absolute: "10m", warn: "2s" };
const LONG = { idle: "10m", absolute: "1h", warn: "1m" };

/** Signed in, with a controlled page clock, and no stream, which a sleeping machine would lose. */
async function sleeper(stage) {
  const visitor = await stage.visitor({ reducedMotion: "reduce" });
  await visitor.context.clock.install();
  await visitor.loseStream();
  const page = await visitor.open("/login");
  await visitor.signIn(page);
  return { visitor, page };
}

/** Delays the answers to the component's questions until the returned function is called. */
async function holdStatus(context) {
  let release;
  const released = new Promise((resolve) => (release = resolve));
  await context.route("**/session", async (route) => {
    await released;
    await route.continue();
  });
  return release;
}

scene("N43: after an hour of sleep covered at once, then ended", {
  policy: SHORT,
}, async (stage, t) => {
  const { visitor, page } = await sleeper(stage);
  await stopClock(page);
  assert.equal(await pageShows(page), true, "the check sees no page where there is one");
  await until("the session has expired", async () => !(await visitor.truth()).alive);
  const release = await holdStatus(visitor.context);
  const start = Date.now();
  await page.clock.fastForward(HOUR);
  await covered(page, 2_000);
  t.diagnostic(`covered ${Date.now() - start} ms after the jump, before any answer`);
  await assertCoveredWhole(page);
  release();
  await page.clock.resume();
  await expired(page, "idle_timeout", 3_000);
  await assertNothingPersonal(page);
  assert.deepEqual(visitor.errors, []);
});

scene("N43: sleep seen only by the wall clock covers as well", { policy: SHORT }, async (stage) => {
  const { visitor, page } = await sleeper(stage);
  await stopClock(page);
  await until("the session has expired", async () => !(await visitor.truth()).alive);
  const release = await holdStatus(visitor.context);
  const before = await page.evaluate(() => performance.now());
  await page.clock.setSystemTime(new Date(Date.now() + HOUR));
  await page.clock.resume();
  await covered(page, 2_000);
  const ran = await page.evaluate((before) => performance.now() - before, before);
  assert.ok(ran < 4_000, `the steady clock jumped, too: ${ran} ms`);
  await assertCoveredWhole(page);
  release();
  await expired(page, "idle_timeout", 3_000);
});

scene("N10: waking up asks passively and uncovers", {
  policy: LONG,
}, async (stage) => {
  const { visitor, page } = await sleeper(stage);
  await stopClock(page);
  const { idle_deadline } = await visitor.truth();
  const release = await holdStatus(visitor.context);
  await page.clock.fastForward(HOUR);
  await covered(page, 2_000);
  await assertCoveredWhole(page);
  release();
  await page.clock.resume();
  await cover(page).waitFor({ state: "hidden", timeout: 3_000 });
  assert.equal(await pageShows(page), true);
  const after = await visitor.truth();
  assert.equal(after.idle_deadline, idle_deadline, "waking up was counted as activity");
  const known = await page.evaluate(() => document.querySelector("session-timeout").status.remaining_ms);
  assert.ok(Math.abs(known - after.remaining_ms) < 2_000, `${known} instead of ${after.remaining_ms}`);
  assert.equal(new URL(page.url()).pathname, "/");
});

scene("N10: view, focus, online and “back” ask passively", {
  policy: LONG,
}, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  const { idle_deadline } = await visitor.truth();
  for (const [target, type] of [
    ["document", "visibilitychange"],
    ["window", "pageshow"],
    ["window", "focus"],
    ["window", "online"],
  ]) {
    const before = visitor.asked("/session").length;
    // Longer than the time in which close questions are combined.
    await pass(1.1);
    await page.evaluate(([target, type]) => {
      const event = type === "pageshow" ? new PageTransitionEvent(type, { persisted: true }) : new Event(type, { bubbles: true });
      (target === "window" ? window : document).dispatchEvent(event);
    }, [target, type]);
    const asked = await until(`${type} asks`, () => visitor.asked("/session").slice(before)[0], 2_000);
    assert.equal(asked.method, "GET");
    assert.equal(asked.headers["session-activity"], "passive", type);
  }
  assert.equal((await visitor.truth()).idle_deadline, idle_deadline);
  assert.equal(visitor.asked("/session/extend").length + visitor.asked("/session/activity").length, 0);
});

scene("a page from the browser's cache is covered until answered", {
  policy: LONG,
}, async (stage) => {
  const { visitor, page } = await stage.signedIn({ reducedMotion: "reduce" });
  const release = await holdStatus(visitor.context);
  await page.evaluate(() => window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  await covered(page, 2_000);
  await assertCoveredWhole(page);
  release();
  await cover(page).waitFor({ state: "hidden", timeout: 2_000 });
});

scene("N13: a clock set back an hour keeps the warning on time", {
  policy: SHORT,
}, async (stage) => {
  const { visitor, page } = await sleeper(stage);
  const { remaining_ms } = await visitor.truth();
  const start = Date.now();
  await page.clock.setSystemTime(new Date(Date.now() - HOUR));
  await warned(page);
  const due = remaining_ms - 2_500;
  const late = Date.now() - start - due;
  // While it can still be answered. A busy machine notices it late.
  assert.ok(late > -700 && late < 1_700, `${late} ms late`);
  await expired(page, "idle_timeout");
});

scene("without login page the cover offers to sign in", {
  policy: SHORT,
}, async (stage) => {
  const visitor = await stage.visitor({ reducedMotion: "reduce" });
  await adapt(visitor.context, (element) => element.removeAttribute("login"));
  const page = await visitor.open("/login");
  await visitor.signIn(page);
  await covered(page, 8_000);
  await until("it is over", async () => !(await visitor.truth()).alive);
  const again = page.getByRole("button", { name: "Sign in again" });
  await again.waitFor({ state: "visible" });
  await assertCoveredWhole(page);
  await again.click();
  await page.waitForURL(/\/login/);
});
