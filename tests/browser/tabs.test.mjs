// Tabs of one browser share one state.

import assert from "node:assert/strict";

import { dialog, expired, noteEnd, signOut, stay, unwarned, warned } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";
import { ready } from "./harness/visitor.mjs";
import { pass, until } from "./harness/wait.mjs";

const EARLY = { idle: "12s", absolute: "10m", warn: "6s" };
const CALM = { idle: "30s", absolute: "10m", warn: "5s" };
// One report in a tenth of the idle timeout: half a second.
const BUSY = { idle: "5s", absolute: "10m", warn: "2s" };

/** A visitor with `count` tabs on the account page. */
async function tabs(stage, count) {
  const { visitor, page } = await stage.signedIn();
  const pages = [page];
  while (pages.length < count) {
    const next = await visitor.open("/");
    await ready(next);
    pages.push(next);
  }
  return { visitor, pages };
}

const held = (visitor) => visitor.asked("/session/events").filter(({ open }) => open).length;

scene("five tabs share one event stream and one heartbeat", {
  policy: BUSY,
}, async (stage, t) => {
  const { visitor, pages } = await tabs(stage, 5);
  await until("one tab listens", () => held(visitor) === 1);
  const before = visitor.asked("/session/activity").length;
  const [, , busy] = pages;
  const start = Date.now();
  while (Date.now() - start < 10_000) {
    await busy.locator('[name="amount"]').press("End");
    await pass(0.1);
    for (const page of pages) assert.ok(!(await dialog(page).isVisible()), "a dialog in spite of input");
  }
  const reports = visitor.asked("/session/activity").length - before;
  t.diagnostic(`${reports} heartbeats in 10 s of input, five tabs, one due each half second`);
  assert.ok(reports >= 10 && reports <= 22, `${reports} heartbeats`);
  assert.equal(visitor.asked("/session/events").length, 1, "more than one event stream");
  assert.equal(held(visitor), 1);
  assert.equal((await visitor.truth()).alive, true);
  assert.deepEqual(visitor.errors, []);
});

scene("input in five tabs at once makes one heartbeat", { policy: BUSY }, async (stage, t) => {
  const { visitor, pages } = await tabs(stage, 5);
  const before = visitor.asked("/session/activity").length;
  const start = Date.now();
  while (Date.now() - start < 6_000) {
    await Promise.all(pages.map((page) => page.locator('[name="amount"]').press("End")));
    await pass(0.1);
  }
  const reports = visitor.asked("/session/activity").length - before;
  t.diagnostic(`${reports} heartbeats in 6 s of input in five tabs`);
  assert.ok(reports >= 6 && reports <= 14, `${reports} heartbeats`);
});

scene("one answer closes the dialog in all tabs", { policy: EARLY }, async (stage) => {
  const { visitor, pages } = await tabs(stage, 2);
  const [first, second] = pages;
  for (const answered of [first, second]) {
    await Promise.all(pages.map((page) => warned(page)));
    await stay(answered).click();
    await Promise.all(pages.map((page) => unwarned(page)));
  }
  assert.equal(visitor.asked("/session/extend").length, 2);
});

scene("signing out in one tab's dialog ends all tabs", { policy: EARLY }, async (stage) => {
  const { pages } = await tabs(stage, 5);
  await Promise.all(pages.map((page) => warned(page)));
  await signOut(pages[3]).click();
  await Promise.all(pages.map((page) => expired(page, "signed_out", 3_000)));
});

scene("signing out on a page of the bank ends the other tabs", { policy: CALM }, async (stage) => {
  const { pages } = await tabs(stage, 3);
  // The first tab listens for all; this one leaves.
  await pages[0].getByRole("banner").getByRole("button", { name: "Sign out" }).click();
  // The end may arrive while the tab is loading the login page.
  await pages[0].waitForURL(/\/(login|expired)\?reason=signed_out/);
  // The listening tab may be gone before the reason arrives, and the cookie with it.
  const over = /\/expired\?reason=(signed_out|session_required)&/;
  await Promise.all(pages.slice(1).map((page) => page.waitForURL(over, { timeout: 4_000 })));
});

scene("an end elsewhere reaches all tabs within a second", { policy: CALM }, async (stage, t) => {
  const { visitor, pages } = await tabs(stage, 2);
  await until("one tab listens", () => held(visitor) === 1);
  const over = await Promise.all(pages.map(noteEnd));
  const headers = { origin: stage.bank.url, "sec-fetch-site": "same-origin" };
  const start = Date.now();
  const answer = await stage.bank.request(visitor.context, "/session/end", { method: "POST", headers });
  assert.equal(answer.status, 204);
  await Promise.all(pages.map((page) => expired(page, "signed_out")));
  // By the pages' own time; a busy browser takes longer to load the next page.
  const seen = await Promise.all(over.map((read) => read()));
  assert.ok(seen.every((at) => at > 0), "no event arrived");
  const took = Math.max(...seen) - start;
  t.diagnostic(`seen in both tabs after ${took} ms`);
  assert.ok(took < 1_000, `${took} ms`);
});

scene("another tab takes over when the listening tab closes", { policy: EARLY }, async (stage) => {
  const { visitor, pages } = await tabs(stage, 3);
  await until("one tab listens", () => held(visitor) === 1);
  await pages[0].close();
  await until("another one listens", () => visitor.asked("/session/events").length === 2 && held(visitor) === 1);
  await warned(pages[2]);
  await stay(pages[1]).click();
  await unwarned(pages[2]);
});

scene("two visitors with one browser profile each share nothing", { policy: EARLY }, async (stage) => {
  const { page: alice } = await stage.signedIn();
  const { visitor: bobs, page: bob } = await stage.signedIn();
  await warned(alice);
  await warned(bob);
  await signOut(alice).click();
  await expired(alice, "signed_out");
  assert.ok(await dialog(bob).isVisible());
  assert.equal((await bobs.truth()).alive, true);
});
