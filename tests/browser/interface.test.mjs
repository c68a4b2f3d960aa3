// The interface for applications with their own dialog: events, methods, status, parts.

import assert from "node:assert/strict";

import { adapt, cover, covered, dialog, expired, listen, noteEnd, stay, warned } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";
import { pass, until } from "./harness/wait.mjs";

const EARLY = { idle: "12s", absolute: "10m", warn: "6s" };
const CALM = { idle: "30s", absolute: "10m", warn: "5s" };
const SHORT = { idle: "4s", absolute: "10m", warn: "1s" };

const element = "document.querySelector('session-timeout')";

scene("extend() extends and resolves with the status", { policy: CALM }, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  const heard = await listen(page);
  await pass(2);
  const status = await page.evaluate(`${element}.extend()`);
  assert.ok(status.remaining_ms > 28_500 && status.extendable, JSON.stringify(status));
  assert.equal(visitor.asked("/session/extend").length, 1);
  const [extended] = await heard();
  assert.equal(extended.type, "session-extended");
  assert.ok(extended.remaining_ms > 28_500);
});

scene("signOut() ends the session", { policy: EARLY }, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  await page.evaluate(`void ${element}.signOut()`);
  await expired(page, "signed_out");
  assert.equal((await visitor.truth()).alive, false);
});

scene("status is a frozen copy that counts down", { policy: CALM }, async (stage) => {
  const visitor = await stage.visitor();
  // Without the stream, which would correct it meanwhile.
  await visitor.loseStream();
  const page = await visitor.open("/login");
  await visitor.signIn(page);
  const look = () => page.evaluate(`({ ...${element}.status, at: performance.now() })`);
  const first = await look();
  const { remaining_ms, ends_by, extendable, state } = await visitor.truth();
  // It counts from the request: the longer the answer took, the less is left.
  const more = first.remaining_ms - remaining_ms;
  assert.ok(more > -2_000 && more < 500, `${first.remaining_ms} instead of ${remaining_ms}`);
  assert.deepEqual([first.state, first.ends_by, first.extendable], [state, ends_by, extendable]);
  assert.equal(await page.evaluate(`Object.isFrozen(${element}.status)`), true);
  await pass(1);
  const second = await look();
  const [counted, passed] = [first.remaining_ms - second.remaining_ms, second.at - first.at];
  assert.ok(Math.abs(counted - passed) < 100, `${counted} ms in ${passed}`);
});

scene("status is null when signed out", { policy: EARLY }, async (stage) => {
  const visitor = await stage.visitor();
  const page = await visitor.open("/login");
  await page.waitForFunction(() => customElements.get("session-timeout"));
  assert.equal(await page.evaluate(`${element}.status`), null);
});

scene("session-warning has the time left and can be prevented", {
  policy: EARLY,
}, async (stage) => {
  const { page } = await stage.signedIn();
  const heard = await listen(page);
  await page.evaluate(() => document.addEventListener("session-warning", (event) => event.preventDefault()));
  await until("it warns", async () => (await heard()).length > 0, 9_000);
  const [{ type, remaining_ms, extendable }] = await heard();
  assert.deepEqual([type, extendable], ["session-warning", true]);
  assert.ok(remaining_ms > 5_000 && remaining_ms <= 6_000, `${remaining_ms}`);
  await pass(1);
  assert.ok(!(await dialog(page).isVisible()));
  assert.equal((await heard()).length, 1, "it warns more than once");
});

scene('dialog="none" gives events and no dialog', { policy: SHORT }, async (stage) => {
  const visitor = await stage.visitor();
  await adapt(visitor.context, (element) => element.setAttribute("dialog", "none"));
  const page = await visitor.open("/login");
  await visitor.signIn(page);
  const heard = await listen(page);
  await until("it warns", async () => (await heard()).length > 0, 6_000);
  assert.ok(!(await stay(page).isVisible()));
  await expired(page, "idle_timeout");
});

scene("session-expired has the reason and can be prevented", {
  policy: SHORT,
}, async (stage) => {
  const { page } = await stage.signedIn();
  const heard = await listen(page);
  await page.evaluate(() => document.addEventListener("session-expired", (event) => event.preventDefault()));
  const isOver = ({ type }) => type === "session-expired";
  await until("it is over", async () => (await heard()).some(isOver), 8_000);
  assert.equal((await heard()).find(isOver).reason, "idle_timeout");
  await pass(1.5);
  assert.equal(new URL(page.url()).pathname, "/");
  assert.equal((await heard()).filter(isOver).length, 1);
});

scene("waitUntil holds the covered page for two seconds at most", {
  policy: SHORT,
}, async (stage, t) => {
  const { page } = await stage.signedIn();
  const over = await noteEnd(page);
  await page.evaluate(() =>
    document.addEventListener("session-expired", ({ detail }) => detail.waitUntil(new Promise(() => {}))));
  await covered(page, 8_000);
  await until("it is over", over, 3_000);
  assert.ok(await cover(page).isVisible(), "the page is open while a draft is saved");
  await expired(page, "idle_timeout");
  const left = Date.now();
  const took = left - (await over());
  t.diagnostic(`left ${took} ms after the event`);
  assert.ok(took > 1_500 && took < 4_500, `${took} ms`);
});

scene("parts and custom properties can be styled from outside", { policy: EARLY }, async (stage) => {
  const { page } = await stage.signedIn();
  await page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("session-timeout::part(stay) { text-transform: uppercase }");
    document.adoptedStyleSheets = [sheet];
  });
  await warned(page);
  assert.equal(await stay(page).evaluate((button) => getComputedStyle(button).textTransform), "uppercase");
});

scene("with reduced motion nothing moves", { policy: EARLY }, async (stage) => {
  const { page } = await stage.signedIn({ reducedMotion: "reduce" });
  await warned(page);
  const running = await page.evaluate(() =>
    document.querySelector("session-timeout").shadowRoot.getAnimations().filter(({ playState }) => playState === "running").length);
  assert.equal(running, 0);
});
