// A page of the bank in a frame. The bank forbids framing; an application might not.

import assert from "node:assert/strict";

import { expired, part, stay, warned } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";
import { site } from "./harness/site.mjs";
import { pass, secondsSince, until } from "./harness/wait.mjs";

const EARLY = { idle: "9s", absolute: "10m", warn: "4s" };
const BUSY = { idle: "5s", absolute: "10m", warn: "2s" };

/** Allows the account page in frames. */
async function allowFrames(visitor) {
  await visitor.context.route(`${visitor.bank.url}/`, async (route) => {
    const response = await route.fetch();
    const headers = response.headers();
    delete headers["content-security-policy"];
    await route.fulfill({ response, headers });
  });
}

/** A page of the bank's origin with the component and the account page in a frame. */
async function framedByOwnOrigin(stage) {
  const { visitor, page } = await stage.signedIn();
  await allowFrames(visitor);
  const html = `<!doctype html><html lang="en"><title>Frame</title><h1>Frame</h1>
    <script type="module" src="/session-timeout.js"></script>
    <session-timeout login="/expired"></session-timeout>
    <iframe src="/" width="700" height="500"></iframe>`;
  await visitor.context.route("**/framing", (route) => route.fulfill({ contentType: "text/html", body: html }));
  await page.goto(`${stage.bank.url}/framing`);
  return { visitor, page, frame: await frameOf(page, stage) };
}

async function frameOf(page, stage) {
  const frame = await until("the frame is there", () =>
    page.frames().find((frame) => frame !== page.mainFrame() && frame.url() === `${stage.bank.url}/`));
  await frame.waitForFunction(() => customElements.get("session-timeout"));
  return frame;
}

scene("only the top page of same-origin frames shows the dialog", { policy: EARLY }, async (stage) => {
  const { page, frame } = await framedByOwnOrigin(stage);
  await warned(page);
  assert.equal(await part(frame, "stay").isVisible().catch(() => false), false, "two dialogs");
  await stay(page).click();
  assert.ok((await stage.bank.truth(page.context())).remaining_ms > 7_000);
  await expired(page, "idle_timeout");
});

scene("input in a same-origin frame counts", { policy: BUSY }, async (stage) => {
  const { visitor, page, frame } = await framedByOwnOrigin(stage);
  const start = Date.now();
  while (secondsSince(start) < 9) {
    await frame.locator('[name="amount"]').press("End");
    await pass(0.3);
    assert.ok(!(await stay(page).isVisible()), "a warning in spite of input in the frame");
  }
  assert.equal((await visitor.truth()).alive, true);
});

scene("the component in a cross-origin frame is off and warns", { policy: BUSY }, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  await allowFrames(visitor);
  // The same site on another port, so that the session cookie is sent.
  const top = await site(stage, "127.0.0.1", `<!doctype html><iframe src="${stage.bank.url}/" width="700" height="500"></iframe>`);
  await page.goto(top);
  const frame = await frameOf(page, stage);
  await until("it says so", () => visitor.warnings().length === 1, 3_000);
  assert.match(visitor.warnings()[0].text, /frame/i);
  const start = Date.now();
  const { remaining_ms } = await visitor.truth();
  while (secondsSince(start) < 3) {
    await frame.locator('[name="amount"]').press("End");
    await pass(0.3);
  }
  assert.equal(await stay(frame).isVisible().catch(() => false), false);
  assert.equal(visitor.asked("/session/activity").length, 0, "input under another site's page was reported");
  await until("the session ends", async () => !(await visitor.truth()).alive, 6_000);
  assert.ok(secondsSince(start) < remaining_ms / 1000 + 1);
  assert.deepEqual(visitor.errors, []);
});

scene("the bank as shipped can't be framed", { policy: EARLY }, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  await page.goto(await site(stage, "127.0.0.1", `<!doctype html><iframe src="${stage.bank.url}/"></iframe>`));
  await until("the browser refuses", () => visitor.messages.some(({ text }) => /frame-ancestors/.test(text)), 3_000);
  const [, frame] = page.frames();
  assert.equal(await frame.locator("#balance, session-timeout").count(), 0);
});
