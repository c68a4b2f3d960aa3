// A page under a stricter policy, and the account page beside it (N55).

import assert from "node:assert/strict";

import { scene } from "../scene.mjs";

const POLICY = { idle: "40s", absolute: "10m", warn: "4s", admin: { idle: "7s", warn: "4s" } };

scene("an area warns, locks, and leads to re-authentication and back", { policy: POLICY }, async (stage) => {
  const page = await stage.signedIn();
  const other = await stage.openWindow();
  await other.goto("/");
  await other.ready();
  await page.goto("/admin/sessions");
  await page.ready();
  await page.warned();
  assert.match(await page.dialogText(), /The page will lock in/);
  await page.see("::part(sign-in)");
  assert.equal(await other.sees("::part(dialog)"), false, "the session goes on");
  await page.click("::part(sign-in)");
  await page.arrives("the page for re-authentication", ({ pathname }) => pathname === "/reauth");
  await page.fill('[name="password"]', "demo-password");
  await page.press("Enter");
  await page.arrives("the area", ({ pathname }) => pathname === "/admin/sessions");
  await page.ready();
  const status = () => document.querySelector("session-timeout").status;
  const [area, session] = [await page.evaluate(status), await other.evaluate(status)];
  assert.equal(area.ends_by, "step_up_required");
  assert.equal(session.ends_by, "idle_timeout");
});

scene("staying keeps an area open", { policy: POLICY }, async (stage) => {
  const page = await stage.signedIn();
  await page.goto("/admin/sessions");
  await page.ready();
  await page.warned();
  await page.click("::part(stay)");
  await page.unwarned();
  await page.goto("/admin/sessions");
  await page.arrives("the area", ({ pathname }) => pathname === "/admin/sessions");
});
