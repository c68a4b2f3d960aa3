// Nothing violates the strict Content-Security-Policy of the bank.

import assert from "node:assert/strict";

import { expired, stay, unwarned, warned } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";

const SHORT = { idle: "5s", absolute: "10m", warn: "3s" };

/** Collects the browser's reports from every page of the visitor. */
async function violations(context) {
  const found = [];
  await context.exposeBinding("violated", (_, what) => found.push(what));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile }) => {
      window.violated(`${violatedDirective} ${blockedURI} ${sourceFile}`);
    });
  });
  return found;
}

const complaints = ({ messages }) =>
  messages.filter(({ text }) => /content security policy/i.test(text)).map(({ text }) => text);

scene("a whole session violates no policy", {
  policy: SHORT,
}, async (stage) => {
  const visitor = await stage.visitor();
  const found = await violations(visitor.context);
  const page = await visitor.open("/login");
  const policy = (await page.goto(page.url())).headers()["content-security-policy"];
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
  await visitor.signIn(page);
  await warned(page);
  await stay(page).click();
  await unwarned(page);
  await page.locator('[name="note"]').pressSequentially("typed");
  await warned(page);
  await expired(page, "idle_timeout");
  await page.getByRole("link", { name: "Sign in again" }).click();
  await visitor.signIn(page);
  assert.deepEqual(found, []);
  assert.deepEqual(complaints(visitor), []);
  assert.deepEqual(visitor.errors, []);
});

scene("a violation is detected", { policy: SHORT }, async (stage) => {
  const visitor = await stage.visitor();
  const found = await violations(visitor.context);
  const page = await visitor.open("/login");
  await page.evaluate(() => document.body.insertAdjacentHTML("beforeend", '<p style="color: red">x</p>'));
  await page.waitForTimeout(200);
  assert.equal(found.length, 1);
  assert.equal(complaints(visitor).length, 1);
});
