// A page that includes the component twice.

import assert from "node:assert/strict";

import { adapt, dialog, stay, unwarned, warned } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";
import { until } from "./harness/wait.mjs";

const EARLY = { idle: "12s", absolute: "10m", warn: "6s" };

scene("a second element does nothing and warns", { policy: EARLY }, async (stage) => {
  const visitor = await stage.visitor();
  await adapt(visitor.context, (element) => element.after(element.cloneNode()));
  const page = await visitor.open("/login");
  await until("it says so", () => visitor.warnings().length > 0, 3_000);
  await visitor.signIn(page);
  await warned(page);
  assert.equal(await page.locator("session-timeout").count(), 2);
  assert.equal(await dialog(page).count(), 1);
  assert.equal(visitor.asked("/session/events").filter(({ open }) => open).length, 1);
  await stay(page).click();
  await unwarned(page);
  assert.equal(visitor.asked("/session/extend").length, 1);
  const warnings = visitor.warnings().filter(({ text }) => /first|second|already/i.test(text));
  // One for each of the two pages.
  assert.equal(warnings.length, 2, JSON.stringify(visitor.warnings().map(({ text }) => text)));
  assert.deepEqual(visitor.errors, []);
});

scene("loading the script twice does no harm", { policy: EARLY }, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  await page.evaluate(() => import("/session-timeout.js?again"));
  await warned(page);
  assert.equal(await dialog(page).count(), 1);
  await stay(page).click();
  await unwarned(page);
  assert.equal(visitor.asked("/session/extend").length, 1);
  assert.deepEqual(visitor.errors, []);
});

scene("an element that is removed and put back works", { policy: EARLY }, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  await page.evaluate(async () => {
    const element = document.querySelector("session-timeout");
    element.remove();
    await new Promise((resolve) => setTimeout(resolve, 300));
    document.body.append(element);
  });
  await warned(page);
  await stay(page).click();
  await unwarned(page);
  assert.equal(visitor.asked("/session/events").filter(({ open }) => open).length, 1);
  assert.deepEqual(visitor.errors, []);
});
