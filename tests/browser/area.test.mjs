// N55: a page under a stricter policy counts down its area's time, and the session goes on.

import assert from "node:assert/strict";

import { cover, covered, dialog, part, secondsShown, stay, unwarned, warned } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";
import { ready } from "./harness/visitor.mjs";
import { pass, until } from "./harness/wait.mjs";

const POLICY = { idle: "60s", absolute: "10m", warn: "5s", admin: { idle: "10s", warn: "5s" } };

/** A visitor on the account page, and on the administration's page. */
async function both(stage) {
  const { visitor, page } = await stage.signedIn();
  const admin = await visitor.open("/admin/sessions");
  await ready(admin);
  return { visitor, page, admin };
}

const alive = async (visitor) => (await visitor.truth()).alive;

scene("N55: area's page warns, covers, and leads to re-authentication", { policy: POLICY }, async (stage) => {
  const { visitor, page, admin } = await both(stage);
  await warned(admin);
  assert.match(await dialog(admin).innerText(), /The page will lock in/);
  assert.ok((await secondsShown(admin)) <= 5);
  assert.ok(!(await dialog(page).isVisible()), "the account's page has nothing to warn of");
  await covered(admin);
  await part(admin, "sign-in").waitFor({ state: "visible" });
  assert.match(await dialog(admin).innerText(), /Sign in again/);
  assert.ok(await alive(visitor), "the session goes on");
  assert.ok(!(await dialog(page).isVisible()), "and its other pages too");
  await part(admin, "sign-in").click();
  await admin.waitForURL((url) => url.pathname === "/reauth");
  assert.equal(new URL(admin.url()).searchParams.get("return_to"), "/admin/sessions");
  assert.deepEqual(visitor.errors, []);
});

scene("N55: “Stay signed in” keeps the area open", { policy: POLICY }, async (stage) => {
  const { visitor, admin } = await both(stage);
  await warned(admin);
  await stay(admin).click();
  await unwarned(admin);
  await pass(3);
  assert.ok(!(await dialog(admin).isVisible()), "the warning came back early");
  await admin.reload();
  assert.equal(new URL(admin.url()).pathname, "/admin/sessions", "the server agrees");
  assert.deepEqual(visitor.errors, []);
});

scene("N55: area's and session's countdown agree in two tabs", { policy: POLICY }, async (stage) => {
  const { visitor, page, admin } = await both(stage);
  // Input on the other page is activity for both.
  for (let second = 0; second < 12; second++) {
    await page.locator('[name="amount"]').press("End");
    await pass(1);
    assert.ok(!(await cover(admin).isVisible()), "covered while the person is there");
  }
  const [session, area] = await Promise.all([page, admin].map((tab) =>
    tab.evaluate(() => document.querySelector("session-timeout").status)));
  assert.equal(session.ends_by, "idle_timeout");
  assert.equal(area.ends_by, "step_up_required");
  assert.ok(session.remaining_ms > 40_000 && area.remaining_ms <= 10_000);
  assert.deepEqual(visitor.errors, []);
});

scene("N55: authentication in another tab uncovers the area's page", { policy: POLICY }, async (stage) => {
  const { visitor, admin } = await both(stage);
  await covered(admin, 20_000);
  await part(admin, "sign-in").waitFor({ state: "visible" });
  const other = await visitor.open("/admin/sessions");
  assert.equal(new URL(other.url()).pathname, "/reauth");
  await other.fill('input[name="password"]', "demo-password");
  await other.press('input[name="password"]', "Enter");
  await other.waitForURL((url) => url.pathname === "/admin/sessions");
  await until("the page is shown again", async () => !(await cover(admin).isVisible()), 15_000);
  assert.deepEqual(visitor.errors, []);
});

scene("N55: closed area asks the server no more than now and then", { policy: POLICY }, async (stage) => {
  const { visitor, admin } = await both(stage);
  await covered(admin, 20_000);
  await part(admin, "sign-in").waitFor({ state: "visible" });
  await pass(1);
  const before = visitor.asked("/session").length;
  await pass(5);
  const asked = visitor.asked("/session").length - before;
  assert.ok(asked <= 1, `${asked} questions in 5 s`);
});

scene("N55: session's end is the end of the area's page", {
  policy: { idle: "14s", absolute: "10m", warn: "4s", admin: { idle: "8s", warn: "3s" } },
}, async (stage) => {
  const { admin } = await both(stage);
  await covered(admin, 20_000);
  await admin.waitForURL((url) => url.pathname === "/expired", { timeout: 20_000 });
  assert.equal(new URL(admin.url()).searchParams.get("reason"), "idle_timeout");
});

scene("N55: activity in another tab takes the area's warning back", { policy: POLICY }, async (stage) => {
  const { visitor, page, admin } = await both(stage);
  await warned(admin);
  await page.locator('[name="amount"]').press("End");
  await unwarned(admin, 3_000);
  await pass(3);
  assert.ok(!(await cover(admin).isVisible()), "covered while the person is there");
  assert.deepEqual(visitor.errors, []);
});
