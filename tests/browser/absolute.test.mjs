// Before the absolute deadline, when activity can't help, nothing suggests that it can.

import assert from "node:assert/strict";

import { close, covered, dialog, expired, focus, signOut, stay } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";
import { pass } from "./harness/wait.mjs";

// A key after at least a second moves the idle deadline beyond the absolute one.
const POLICY = { idle: "11s", absolute: "12s", warn: "5s" };

async function notExtendable(stage, options) {
  const { visitor, page } = await stage.signedIn(options);
  await pass(1.2);
  await page.locator('[name="amount"]').press("End");
  await close(page).waitFor({ state: "visible", timeout: 12_000 });
  return { visitor, page };
}

scene("absolute deadline warning has no “Stay signed in”", { policy: POLICY }, async (stage) => {
  const { visitor, page } = await notExtendable(stage);
  assert.equal((await visitor.truth()).extendable, false);
  assert.ok(!(await stay(page).isVisible()), "the dialog offers to stay");
  assert.ok(await signOut(page).isVisible());
  const text = await dialog(page).innerText();
  assert.match(text, /\d+ seconds?/);
  assert.match(text, /extend|longer/i);
  assert.match(text, /save/i);
});

scene("L3: no action on the page moves the absolute deadline", {
  policy: POLICY,
}, async (stage) => {
  const { visitor, page } = await notExtendable(stage);
  const start = Date.now();
  const { remaining_ms } = await visitor.truth();
  await page.keyboard.press("Escape");
  await close(page).waitFor({ state: "hidden", timeout: 2_000 });
  assert.equal(await focus(page), "page: amount");
  while (Date.now() - start < 3_000) {
    await page.keyboard.press("ArrowLeft");
    await pass(0.2);
    assert.ok(!(await close(page).isVisible()), "the notice came back");
  }
  assert.equal(visitor.asked("/session/extend").length, 0);
  await expired(page, "absolute_timeout");
  const took = Date.now() - start;
  assert.ok(Math.abs(took - remaining_ms) < 1_500, `after ${took} ms instead of ${remaining_ms}`);
});

scene("the notice has a close and a sign-out button", { policy: POLICY }, async (stage) => {
  const { page } = await notExtendable(stage);
  await close(page).click();
  await close(page).waitFor({ state: "hidden", timeout: 2_000 });
  await assert.rejects(covered(page, 300), "it is not over yet");
  await expired(page, "absolute_timeout");
});

scene("signing out from the notice ends the session", { policy: POLICY }, async (stage) => {
  const { page } = await notExtendable(stage);
  await signOut(page).click();
  await expired(page, "signed_out");
});
