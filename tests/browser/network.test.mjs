// A network that comes and goes, and a server that restarts.

import assert from "node:assert/strict";

import { cover, covered, dialog, expired, stay, unwarned, warned } from "./harness/dialog.mjs";
import { assertCoveredWhole } from "./harness/looking.mjs";
import { scene } from "./harness/scene.mjs";
import { pass, until } from "./harness/wait.mjs";

const CALM = { idle: "8s", absolute: "10m", warn: "3s" };
const SHORT = { idle: "5s", absolute: "10m", warn: "2s" };

scene("offline for a while: no end, no extension, warned in time", {
  policy: CALM,
  link: true,
}, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  const { idle_deadline } = await visitor.truth();
  await stage.link.cut(visitor);
  await pass(1.5);
  assert.ok(!(await dialog(page).isVisible()));
  const before = visitor.asked("/session").length;
  await stage.link.mend(visitor);
  await until("it asks", () => visitor.asked("/session").length > before, 3_000);
  await until("it listens again", () => visitor.asked("/session/events").at(-1).open, 6_000);
  assert.equal((await visitor.truth()).idle_deadline, idle_deadline);
  await warned(page);
  const { remaining_ms } = await visitor.truth();
  assert.ok(remaining_ms > 2_500 && remaining_ms <= 4_100, `${remaining_ms} ms left at the warning`);
  assert.deepEqual(visitor.errors, []);
});

scene("offline over the end: covered, online again ended", {
  policy: SHORT,
  link: true,
}, async (stage) => {
  const { visitor, page } = await stage.signedIn({ reducedMotion: "reduce" });
  await stage.link.cut(visitor);
  await covered(page, 8_000);
  await until("it says why", async () => /reach/i.test(await dialog(page).innerText()), 2_000);
  await assertCoveredWhole(page);
  assert.equal(new URL(page.url()).pathname, "/");
  await until("the session has expired", async () => !(await visitor.truth()).alive);
  await stage.link.mend(visitor);
  await expired(page, "idle_timeout", 3_000);
  assert.deepEqual(visitor.errors, []);
});

scene("Escape never uncovers a covered page", { policy: SHORT, link: true }, async (stage) => {
  const { visitor, page } = await stage.signedIn({ reducedMotion: "reduce" });
  await stage.link.cut(visitor);
  await covered(page, 8_000);
  for (let time = 0; time < 4; time += 1) {
    await page.keyboard.press("Escape");
    // A browser may close a dialog on the second Escape without asking.
    await dialog(page).waitFor({ state: "visible", timeout: 1_500 });
    await assertCoveredWhole(page);
  }
});

scene("offline while another device extended: online uncovers", {
  policy: SHORT,
  link: true,
}, async (stage) => {
  const { visitor, page } = await stage.signedIn({ reducedMotion: "reduce" });
  await stage.link.cut(visitor);
  await until("covered", async () => {
    // The same session, used elsewhere.
    await stage.bank.request(visitor.context, "/api/balance");
    return cover(page).isVisible();
  }, 9_000);
  await stage.link.mend(visitor);
  await cover(page).waitFor({ state: "hidden", timeout: 3_000 });
  await page.locator("#balance").waitFor({ state: "visible" });
  assert.equal((await visitor.truth()).alive, true);
});

scene("offline during the warning: staying fails, ends nothing", {
  policy: CALM,
  link: true,
}, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  await warned(page);
  await stage.link.cut(visitor);
  await stay(page).click();
  await pass(0.5);
  assert.ok(await dialog(page).isVisible(), "the dialog closed, and nothing was extended");
  assert.equal(new URL(page.url()).pathname, "/");
  await stage.link.mend(visitor);
  await stay(page).click();
  await unwarned(page);
  assert.ok((await visitor.truth()).remaining_ms > 7_000);
  assert.deepEqual(visitor.errors, []);
});

scene("session and page survive a server restart", {
  policy: CALM,
  store: "sqlite",
}, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  await until("it listens", () => visitor.asked("/session/events").length === 1);
  await stage.bank.stop();
  await page.locator('[name="amount"]').press("End");
  await pass(1);
  assert.ok(!(await dialog(page).isVisible()));
  await stage.bank.start();
  const { alive } = await visitor.truth();
  assert.ok(alive, "the store has lost the session");
  const polls = visitor.asked("/api/notifications").length;
  await until("the page polls again", () => visitor.asked("/api/notifications").length > polls, 5_000);
  assert.equal(new URL(page.url()).pathname, "/");
  await warned(page);
  await stay(page).click();
  await unwarned(page);
  assert.ok((await visitor.truth()).remaining_ms > 7_000);
  await until("it listens again", () => visitor.asked("/session/events").at(-1).open, 8_000);
  assert.deepEqual(visitor.errors, []);
});

scene("a hanging server: covered in time until it answers", {
  policy: SHORT,
}, async (stage) => {
  const { visitor, page } = await stage.signedIn({ reducedMotion: "reduce" });
  stage.bank.freeze();
  await covered(page, 8_000);
  await assertCoveredWhole(page);
  stage.bank.thaw();
  await expired(page, "idle_timeout", 12_000);
  assert.deepEqual(visitor.errors, []);
});
