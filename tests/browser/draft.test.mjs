// A draft survives the end of the session, for the same user only.

import assert from "node:assert/strict";

import { expired, stay, warned } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";

const SHORT = { idle: "5s", absolute: "10m", warn: "2s" };
const NOTE = "for the bicycle, as agreed";
const NOTHING_SENT = /This has not been sent yet\. Check it and send it\./;

async function typedAndExpired(stage) {
  const { visitor, page } = await stage.signedIn();
  await page.fill('[name="amount"]', "47.11");
  await page.locator('[name="note"]').pressSequentially(NOTE);
  const balance = await page.locator("#balance").innerText();
  await expired(page, "idle_timeout");
  const shown = await page.locator("body").innerText();
  assert.ok(!shown.includes(NOTE) && !shown.includes("47.11"), "the draft is on the expired page");
  return { visitor, page, balance };
}

async function signInAgain(visitor, page, user) {
  await page.getByRole("link", { name: "Sign in again" }).click();
  await page.waitForURL(/\/login/);
  await visitor.signIn(page, user);
  assert.equal(new URL(page.url()).pathname, "/");
}

const draft = (page) =>
  page.evaluate(() => {
    const { amount, note } = document.querySelector("#transfer").elements;
    return { amount: amount.value, note: note.value, stored: sessionStorage.getItem("transfer") };
  });

scene("the draft is back after signing in, and unsent", { policy: SHORT }, async (stage) => {
  const { visitor, page, balance } = await typedAndExpired(stage);
  await signInAgain(visitor, page, "alice");
  const { amount, note } = await draft(page);
  assert.deepEqual({ amount, note }, { amount: "47.11", note: NOTE });
  assert.match(await page.locator("#outcome").innerText(), NOTHING_SENT);
  assert.equal(await page.locator("#balance").innerText(), balance);
  assert.equal(visitor.asked("/api/transfer").length, 0);
});

scene("another user gets nothing of the draft", {
  policy: SHORT,
}, async (stage) => {
  const { visitor, page } = await typedAndExpired(stage);
  await signInAgain(visitor, page, "bob");
  const bobs = await draft(page);
  assert.ok(!JSON.stringify(bobs).includes(NOTE) && bobs.amount !== "47.11", JSON.stringify(bobs));
  assert.equal(bobs.stored, null);
  assert.doesNotMatch(await page.locator("body").innerText(), NOTHING_SENT);
  await expired(page, "idle_timeout");
  await signInAgain(visitor, page, "alice");
  assert.equal((await draft(page)).note, "");
});

scene("staying keeps the draft in place", { policy: SHORT }, async (stage) => {
  const { page } = await stage.signedIn();
  await page.locator('[name="note"]').pressSequentially(NOTE);
  await warned(page);
  await stay(page).click();
  assert.equal((await draft(page)).note, NOTE);
});
