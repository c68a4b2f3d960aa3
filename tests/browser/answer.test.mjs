// The two answers to the warning: staying, in every way, and signing out.

import assert from "node:assert/strict";

import { adapt, dialog, expired, listen, signOut, stay, stopClock, unwarned, warned } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";
import { until } from "./harness/wait.mjs";

const EARLY = { idle: "12s", absolute: "10m", warn: "6s" };

const MEANS = {
  "a click": (page) => stay(page).click(),
  Enter: (page) => page.keyboard.press("Enter"),
  Space: (page) => page.keyboard.press("Space"),
  Escape: (page) => page.keyboard.press("Escape"),
};

for (const [means, answer] of Object.entries(MEANS)) {
  scene(`${means} extends the session`, { policy: EARLY }, async (stage) => {
    const { visitor, page } = await stage.signedIn();
    const heard = await listen(page);
    await warned(page);
    // Wait without an answer, so that an extension makes a visible difference.
    await until("the time left decreases", async () => (await visitor.truth()).remaining_ms < 9_000);
    await answer(page);
    await unwarned(page);
    const { remaining_ms } = await visitor.truth();
    assert.ok(remaining_ms > 9_500, `${remaining_ms} ms left`);
    assert.equal(visitor.asked("/session/extend").length, 1);
    const types = (await heard()).map(({ type }) => type);
    assert.deepEqual(types, ["session-warning", "session-extended"]);
    assert.deepEqual(visitor.errors, []);
  });
}

scene("a touch on the button extends the session", { policy: EARLY }, async (stage) => {
  const { visitor, page } = await stage.signedIn({ hasTouch: true, isMobile: true });
  await warned(page);
  await until("the time left decreases", async () => (await visitor.truth()).remaining_ms < 9_000);
  await stay(page).tap();
  await unwarned(page);
  assert.ok((await visitor.truth()).remaining_ms > 9_500);
});

scene("N42: a session can be extended ten times in a row", {
  policy: { idle: "4s", absolute: "10m", warn: "3s" },
}, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  for (let time = 1; time <= 10; time += 1) {
    await warned(page);
    await stay(page).click();
    await unwarned(page);
    assert.equal(visitor.asked("/session/extend").length, time);
  }
  assert.equal((await visitor.truth()).alive, true);
});

scene("an extension's answer counts when overtaken", {
  policy: EARLY,
}, async (stage) => {
  const visitor = await stage.visitor();
  // Without the stream and the page's own poll, which would correct it later.
  await visitor.loseStream();
  await visitor.context.route("**/api/notifications", () => {});
  const page = await visitor.open("/login");
  await visitor.signIn(page);
  await warned(page);
  let release;
  const released = new Promise((resolve) => (release = resolve));
  await visitor.context.route("**/session/extend", async (route) => {
    await released;
    await route.continue();
  });
  // Questions are at least a second apart.
  await until("the time left decreases", async () => (await visitor.truth()).remaining_ms < 8_500);
  await stay(page).click();
  await until("it is on its way", () => visitor.asked("/session/extend").length === 1);
  const later = page.waitForResponse((response) => new URL(response.url()).pathname === "/session");
  await page.evaluate(() => window.dispatchEvent(new Event("focus")));
  await (await later).finished();
  release();
  await until("it is extended", async () => (await visitor.truth()).remaining_ms > 9_500);
  await unwarned(page);
});

scene("other input during the warning extends nothing", {
  policy: { idle: "6s", absolute: "10m", warn: "5s" },
}, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  await warned(page);
  const before = visitor.asked("/session/activity").length;
  const start = Date.now();
  // Accidental input: keys, and pointer movement.
  while (Date.now() - start < 3_000) {
    await page.mouse.move(5 + (Date.now() % 50), 5);
    await page.mouse.wheel(0, 10);
    await page.keyboard.press("Shift");
  }
  assert.equal(visitor.asked("/session/activity").length, before);
  await expired(page, "idle_timeout");
});

scene("signing out in the dialog leads to a page that says so", { policy: EARLY }, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  await warned(page);
  await signOut(page).click();
  await expired(page, "signed_out");
  assert.match(await page.locator("main").innerText(), /signed out/i);
  const left = (await visitor.context.cookies()).map(({ name }) => name);
  assert.deepEqual(left, ["__Host-session-probe"], "what the login page set has nothing of the session");
  assert.equal((await visitor.truth()).alive, false);
  assert.deepEqual(visitor.errors, []);
});

/** A dialog on a page that does not notice the end: no events, and a stopped clock. */
async function deafWarning(stage) {
  const visitor = await stage.visitor();
  await visitor.context.clock.install();
  await visitor.loseStream();
  const page = await visitor.open("/login");
  return { visitor, page };
}

async function answerTooLate({ visitor, page }) {
  await visitor.signIn(page);
  await warned(page);
  await stopClock(page);
  await until("the session has expired", async () => !(await visitor.truth()).alive);
  assert.ok(await stay(page).isVisible(), "the dialog closed without an answer");
  await stay(page).click();
}

const SHORT = { idle: "5s", absolute: "10m", warn: "4s" };

scene("N41: staying too late leads to the expired page", { policy: SHORT }, async (stage) => {
  const { visitor, page } = await deafWarning(stage);
  // The stopped clock also stops the bank's poll, which would notice the end.
  await answerTooLate({ visitor, page });
  await page.clock.resume();
  await expired(page, "idle_timeout");
  assert.match(await page.locator("main").innerText(), /nothing happened for a while/i);
});

scene("N41: staying too late without login page shows the end", {
  policy: SHORT,
}, async (stage) => {
  const { visitor, page } = await deafWarning(stage);
  await adapt(visitor.context, (element) => element.removeAttribute("login"));
  await answerTooLate({ visitor, page });
  await page.clock.resume();
  await stay(page).waitFor({ state: "hidden" });
  const text = await dialog(page).innerText();
  assert.match(text, /signed out/i);
  await page.getByRole("button", { name: "Sign in again" }).click();
  await page.waitForURL(/\/login/);
});
