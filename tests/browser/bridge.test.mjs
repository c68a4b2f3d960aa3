// An editor of another origin in a frame: its input counts if the page lists its origin.

import assert from "node:assert/strict";

import { scene } from "./harness/scene.mjs";
import { site } from "./harness/site.mjs";
import { pass, until } from "./harness/wait.mjs";

// One report in a tenth of the idle timeout: two seconds.
const SLOW = { idle: "20s", absolute: "10m", warn: "2s" };

/** An editor as the docs have it: it tells every page around it, or that opened it. */
const EDITOR = `<!doctype html><html lang="en"><title>Editor</title><input aria-label="Text"><script>
  const report = ({ isTrusted }) => {
    if (isTrusted) (opener ?? parent).postMessage({ type: "session-timeout-input" }, "*");
  };
  addEventListener("keydown", report, { capture: true, passive: true });
</script>`;

/** A page of the bank's origin with a frame of a listed origin and one of an origin not listed. */
async function withEditors(stage) {
  const { visitor, page } = await stage.signedIn();
  const listed = await site(stage, "localhost", EDITOR);
  const other = await site(stage, "localhost", EDITOR);
  await visitor.context.route("**/framing", (route) => route.fulfill({
    contentType: "text/html",
    headers: { "content-security-policy": "default-src 'none'; script-src 'self'; connect-src 'self'; frame-src http:" },
    body: `<!doctype html><html lang="en"><title>Frame</title>
      <script type="module" src="/session-timeout.js"></script>
      <session-timeout login="/expired" frames="https://editor.example ${new URL(listed).origin}"></session-timeout>
      <iframe src="${listed}"></iframe><iframe src="${other}"></iframe>`,
  }));
  // A page that no server sent is not of this machine, for the browser.
  await visitor.context.grantPermissions(["local-network-access"]);
  await page.goto(`${stage.bank.url}/framing`);
  await page.waitForFunction(() => document.querySelector("session-timeout")?.status != null);
  const frame = async (url) => {
    const found = page.frames().find((frame) => frame.url() === url);
    await found.locator("input").waitFor();
    return found;
  };
  return { visitor, page, url: listed, listed: await frame(listed), other: await frame(other) };
}

const reports = (visitor) => visitor.asked("/session/activity").length;

/** Asserts that what is done changes nothing: no report, no cover, no end. */
async function assertIgnored(visitor, page, deed) {
  const before = reports(visitor);
  const path = page.url();
  await deed();
  // Longer than the pause between two reports, and the second in which one is noticed.
  await pass(3.3);
  assert.equal(reports(visitor), before);
  assert.equal(page.url(), path);
  assert.ok(await page.evaluate(() => document.querySelector("session-timeout").status));
}

scene("N75: frames and windows that are not listed report nothing", { policy: SLOW }, async (stage) => {
  const { visitor, page, url, other } = await withEditors(stage);
  await assertIgnored(visitor, page, () => other.locator("input").press("a"));
  const opening = page.waitForEvent("popup");
  await page.evaluate((url) => void window.open(url), url);
  const popup = await opening;
  await popup.waitForLoadState();
  // Of a listed origin, but no frame of this page.
  await assertIgnored(visitor, page, () => popup.locator("input").press("a"));
  assert.deepEqual(visitor.errors, []);
});

scene("N75: frames of the page's own origin may report, too", { policy: SLOW }, async (stage) => {
  const { visitor, page } = await withEditors(stage);
  await page.evaluate(() => {
    document.querySelector("session-timeout").setAttribute("frames", `null\n ${location.origin}`);
    const host = document.body.appendChild(document.createElement("div"));
    // Nothing outside can find this frame.
    host.attachShadow({ mode: "closed" }).innerHTML = '<iframe srcdoc="<input>"></iframe>';
    document.body.insertAdjacentHTML("beforeend", '<iframe sandbox="allow-scripts" srcdoc="<input>"></iframe>');
  });
  const opaque = (frame) => frame.evaluate(() => origin === "null");
  const frames = await until("the frames are there", () => page.frames().length === 5 && page.frames().slice(3));
  for (const frame of frames) await frame.locator("input").waitFor();
  assert.deepEqual(await Promise.all(frames.map(opaque)), [false, true]);
  for (const frame of frames) {
    await assertIgnored(visitor, page, () => frame.locator("input").press("a"));
    const before = reports(visitor);
    await frame.evaluate(() => parent.postMessage({ type: "session-timeout-input" }, "*"));
    await until("a report", () => reports(visitor) === before + 1, 2_000);
  }
});

scene("N75: a listed frame can say nothing but “input”", { policy: SLOW }, async (stage) => {
  const { visitor, page, listed } = await withEditors(stage);
  await assertIgnored(visitor, page, () => listed.evaluate(() => {
    const session = "00000000000000aa";
    const odd = ["session-timeout-input", null, undefined, 0, [], {}, { type: "input" }, { type: ["session-timeout-input"] },
      { session, ended: "revoked" }, { session, closed: true }, { input: 0 }, new Map([["type", "session-timeout-input"]])];
    for (const message of odd) parent.postMessage(message, "*");
  }));
  assert.deepEqual(visitor.errors, []);
});

scene("N75: a frame that floods makes one report in two seconds", { policy: SLOW }, async (stage, t) => {
  const { visitor, listed } = await withEditors(stage);
  await listed.evaluate(() => {
    window.timer = setInterval(() => {
      for (let n = 0; n < 50; n += 1) parent.postMessage({ type: "session-timeout-input" }, "*");
    }, 10);
  });
  await pass(7);
  await listed.evaluate(() => clearInterval(window.timer));
  const seen = reports(visitor);
  t.diagnostic(`${seen} reports in 7 s of 5,000 messages a second`);
  assert.ok(seen >= 3 && seen <= 5, `${seen} reports`);
});
