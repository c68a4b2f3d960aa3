// A page of the bank in a frame. The bank forbids framing; an application might not.

import assert from "node:assert/strict";

import { pass, secondsSince, until } from "../../harness/wait.mjs";
import { scene } from "../scene.mjs";

const SHORT = { idle: "6s", absolute: "10m", warn: "2s" };

const allowFrames = (front) => front.change((headers) => delete headers["content-security-policy"]);

const frame = (address) => `<iframe src="${address}" width="700" height="500"></iframe>`;

/** Signed in; then another origin's page with the account page in a frame, or with the attempt. */
export async function framedElsewhere(stage, { isAllowed }) {
  const page = await stage.signedIn();
  if (isAllowed) allowFrames(stage.front);
  // The same host on another port, so that the session cookie is sent.
  const other = await stage.anotherFront();
  other.page("/", `<!doctype html><title>Other</title>${frame(`${stage.front.url}/`)}`);
  await page.goto(`${other.url}/`);
  const isFramed = ({ headers }) => headers.referer === `${other.url}/`;
  await until("the frame was asked for", () => stage.front.asked("/").some(isFramed));
  return page;
}

/** The middle of the frame. */
const middle = (page) =>
  page.of("iframe", (frame) => {
    const { x, y, width, height } = frame.getBoundingClientRect();
    return [x + width / 2, y + height / 2];
  });

scene("a frame shares its input, and only the top page warns", { policy: SHORT }, async (stage) => {
  const page = await stage.signedIn();
  allowFrames(stage.front);
  stage.front.page("/framing", `<!doctype html><html lang="en"><title>Frame</title><h1>Frame</h1>
    <script type="module" src="/session-timeout.js"></script>
    <session-timeout login="/expired"></session-timeout>${frame("/")}`);
  await page.goto("/framing");
  await page.until("the frame is ready", () =>
    document.querySelector("iframe").contentDocument?.querySelector("session-timeout")?.status != null);
  await page.clickAt(...(await middle(page)));
  const start = Date.now();
  while (secondsSince(start) < 4) {
    await page.press("End");
    await pass(0.2);
    assert.equal(await page.sees("::part(dialog)"), false, "a warning in spite of input in the frame");
  }
  await page.warned();
  const inFrame = () => document.querySelector("iframe").contentDocument.querySelector("session-timeout").shadowRoot;
  assert.equal(await page.evaluate(inFrame), null, "two dialogs");
  await page.click("::part(stay)");
  await page.unwarned();
});

scene("a frame under another origin is off", { policy: SHORT }, async (stage) => {
  const page = await framedElsewhere(stage, { isAllowed: true });
  const { front } = stage;
  const { length } = front.asked("/api/notifications");
  await until("the framed page runs", () => front.asked("/api/notifications").length > length);
  const { alive, remaining_ms } = await stage.truth();
  assert.equal(alive, true);
  const start = Date.now();
  await page.clickAt(...(await middle(page)));
  while (secondsSince(start) < 2) {
    await page.press("End");
    await pass(0.2);
  }
  await until("the session ends", async () => !(await stage.truth()).alive);
  assert.ok(secondsSince(start) < remaining_ms / 1_000 + 1, "it was prolonged");
  assert.equal(front.asked("/session/activity").length, 0, "input under another site's page was reported");
});

scene("the bank as shipped can't be framed", { policy: SHORT }, async (stage) => {
  // The visit before this one asked for the script, too.
  const scripts = () => stage.front.asked("/static/bank.js").length;
  await framedElsewhere(stage, { isAllowed: false });
  const before = scripts();
  await stage.page.until("the frame is done", () => document.readyState === "complete");
  assert.equal(scripts(), before, "the frame loads its script");
});
