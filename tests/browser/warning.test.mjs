// The warning: its time, its text, and the focus.

import assert from "node:assert/strict";

import {
  assertSecondsRight,
  close,
  dialog,
  focus,
  listen,
  part,
  secondsShown,
  stay,
  unwarned,
  warned,
} from "./harness/dialog.mjs";
import { assertOnTime } from "./harness/punctual.mjs";
import { scene } from "./harness/scene.mjs";
import { pass, until } from "./harness/wait.mjs";

const POLICY = { idle: "6s", absolute: "10m", warn: "3s" };
// The dialog opens two seconds after the page.
const EARLY = { idle: "12s", absolute: "10m", warn: "6s" };

scene("the warning appears within 500 ms of its time", { policy: POLICY }, async (stage, t) => {
  const { page } = await stage.signedIn();
  const late = [];
  for (let round = 0; round < 3; round += 1) {
    late.push(await assertOnTime(page, 3_000));
    await stay(page).click();
    await unwarned(page);
  }
  t.diagnostic(`the warning was late by at most ${late.map(Math.round).join(", ")} ms`);
});

scene("the warning counts down the seconds left", { policy: EARLY }, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  await warned(page);
  const text = await dialog(page).innerText();
  assert.match(text, /Your session will expire in \d+ seconds?/);
  for (let look = 0; look < 2; look += 1) {
    const shown = await assertSecondsRight(page, visitor);
    await until("the number goes down by two", async () => (await secondsShown(page)) <= shown - 2);
  }
});

scene("the focus moves into the warning, stays, and returns", { policy: EARLY }, async (stage) => {
  const { page } = await stage.signedIn();
  const amount = page.locator('[name="amount"]');
  await amount.focus();
  await warned(page);
  assert.equal(await focus(page), "stay");
  const seen = new Set();
  for (const key of ["Tab", "Tab", "Tab", "Tab", "Shift+Tab", "Shift+Tab", "Shift+Tab", "Shift+Tab"]) {
    await page.keyboard.press(key);
    const at = await focus(page);
    assert.ok(!at.startsWith("page: ") || at === "page: body", `${key} led to ${at}`);
    seen.add(at);
  }
  assert.ok(seen.has("stay") && seen.has("sign-out"), `only ${[...seen]}`);
  await assert.rejects(amount.click({ timeout: 300 }), "the page behind took a click");
  await stay(page).focus();
  await page.keyboard.press("Enter");
  await unwarned(page);
  assert.equal(await focus(page), "page: amount");
});

scene("N42: the focus trap is removed with the warning", { policy: EARLY }, async (stage) => {
  const { page } = await stage.signedIn();
  await warned(page);
  await stay(page).click();
  await unwarned(page);
  await page.locator('[name="amount"]').click();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  const at = await focus(page);
  assert.ok(at.startsWith("page: ") && at !== "page: amount", at);
});

scene("the dialog has a role, a name and a description", { policy: EARLY }, async (stage) => {
  const { page } = await stage.signedIn();
  await warned(page);
  const client = await page.context().newCDPSession(page);
  const { nodes } = await client.send("Accessibility.getFullAXTree");
  const found = nodes.find(({ role }) => role?.value === "alertdialog" || role?.value === "dialog");
  assert.ok(found, "no dialog for assistive technology");
  const said = `${found.name?.value} ${found.description?.value ?? ""}`;
  assert.match(said, /Your session will expire in \d+ seconds?/);
  // The ARIA Authoring Practices ask for `aria-describedby` on an alert dialog.
  if (found.role.value === "alertdialog") assert.ok(found.description?.value, "it has no description");
  assert.ok(!(await close(page).isVisible()), "the warning has a close button");
  assert.equal(await part(page, "time").count(), 1);
});

scene("an overtaken answer to the page brings no warning", {
  policy: { idle: "12s", absolute: "10m", warn: "8s" },
}, async (stage) => {
  const visitor = await stage.visitor();
  // Without the stream and the page's own poll, which would correct it later.
  await visitor.loseStream();
  await visitor.context.route("**/api/notifications", () => {});
  // The server's answer right before the input, in the same second.
  await visitor.context.route("**/api/notifications?overtaken", async (route) => {
    const response = await route.fetch();
    const overtaken = { "session-timeout": "idle=8, absolute=590, warn=8" };
    await route.fulfill({ response, headers: { ...response.headers(), ...overtaken } });
  });
  const page = await visitor.open("/login");
  await visitor.signIn(page);
  const heard = await listen(page);
  await pass(1.2);
  const before = visitor.asked("/session").length;
  await page.locator('[name="amount"]').press("End");
  await page.waitForFunction(() => document.querySelector("session-timeout").status.remaining_ms > 11_000);
  await page.evaluate(() => fetch("/api/notifications?overtaken"));
  await until("it asks before it warns", () => visitor.asked("/session").length > before, 2_000);
  await pass(0.5);
  assert.deepEqual(await heard(), [], "a warning in spite of input");
  await warned(page, 6_000);
});
