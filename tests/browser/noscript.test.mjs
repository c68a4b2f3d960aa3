// Without JavaScript the page leaves automatically.

import assert from "node:assert/strict";

import { expired } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";
import { secondsSince } from "./harness/wait.mjs";

scene("without JavaScript the page ends on the expired page", {
  policy: { idle: "4s", absolute: "10m", warn: "1s" },
}, async (stage, t) => {
  const visitor = await stage.visitor({ javaScriptEnabled: false });
  const page = await visitor.open("/login");
  await page.fill('[name="username"]', "alice");
  await page.fill('[name="password"]', "demo-password");
  await page.press('[name="password"]', "Enter");
  await page.waitForURL((url) => url.pathname === "/");
  const start = Date.now();
  await expired(page, "idle_timeout");
  const took = secondsSince(start);
  t.diagnostic(`on the expired page after ${took.toFixed(1)} s, where 4 s are allowed`);
  assert.ok(took > 3.5 && took < 7, `${took} s`);
  assert.match(await page.locator("main").innerText(), /nothing happened for a while/i);
  assert.equal((await visitor.truth()).alive, false);
  await page.getByRole("link", { name: "Sign in again" }).click();
  await page.waitForURL(/\/login/);
});
