// The warning: its time, its text, its answers.

import assert from "node:assert/strict";

import { assertOnTime } from "../../harness/punctual.mjs";
import { scene } from "../scene.mjs";

/** The warning comes with three seconds left: half of the timeout. */
const SHORT = { idle: "6s", absolute: "10m", warn: "2s" };

scene("the warning appears within 500 ms of its time", { policy: SHORT }, async (stage, t) => {
  const page = await stage.signedIn();
  t.diagnostic(`late by at most ${Math.round(await assertOnTime(page, 3_000))} ms`);
  // Its name, for screen readers.
  assert.match(await page.of("::part(dialog)", (dialog) => dialog.ariaLabel), /^Your session will expire in \d seconds?/);
  const [, seconds] = /Your session will expire in (\d) seconds?/.exec(await page.dialogText());
  const { remaining_ms } = await stage.truth();
  assert.ok(Math.abs(seconds * 1_000 - remaining_ms) < 1_300, `${seconds} s shown, ${remaining_ms} ms left`);
});

const ANSWERS = {
  "a click": (page) => page.click("::part(stay)"),
  "Enter": (page) => page.press("Enter"),
  "Escape": (page) => page.press("Escape"),
};

scene("a click, Enter and Escape stay signed in", { policy: SHORT }, async (stage) => {
  const page = await stage.signedIn();
  for (const [name, answer] of Object.entries(ANSWERS)) {
    await page.see("::part(stay)");
    const asked = stage.front.asked("/session/extend").length;
    await answer(page);
    await page.unwarned();
    assert.equal(stage.front.asked("/session/extend").length, asked + 1, name);
    assert.ok((await stage.truth()).remaining_ms > 4_500, name);
  }
});

scene("the focus moves into the warning, stays, and returns", { policy: SHORT }, async (stage) => {
  const page = await stage.signedIn();
  await page.of('[name="amount"]', (field) => field.focus());
  await page.see("::part(stay)");
  assert.equal(await page.evaluate(focus), "stay");
  const seen = new Set();
  for (const key of ["Tab", "Tab", "Shift+Tab", "Shift+Tab"]) {
    await page.press(key);
    const at = await page.evaluate(focus);
    assert.ok(["stay", "sign-out", "dialog"].includes(at), `${key} led to ${at}`);
    seen.add(at);
  }
  assert.ok(seen.has("stay") && seen.has("sign-out"), `only ${[...seen]}`);
  await page.of("::part(stay)", (button) => button.focus());
  await page.press("Enter");
  await page.unwarned();
  assert.equal(await page.evaluate(focus), "amount");
});

/** In the page: the part or the field with the focus. */
const focus = () => {
  const outer = document.activeElement;
  return outer.shadowRoot?.activeElement?.getAttribute("part") ?? outer.getAttribute("name") ?? outer.localName;
};

scene("“Sign out” ends the session", { policy: SHORT }, async (stage) => {
  const page = await stage.signedIn();
  await page.see("::part(sign-out)");
  await page.click("::part(sign-out)");
  await page.expired("signed_out");
  assert.deepEqual(await stage.truth(), { alive: false, reason: "signed_out" });
});
