// Typing where the page's own window does not see it: frames, and windows that the page opened. What
// holds in every engine is in `engines/tests/editor.mjs`.

import assert from "node:assert/strict";

import { adapt, stay, unwarned, warned } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";
import { pass, until } from "./harness/wait.mjs";

// One report in a tenth of the idle timeout: two seconds.
const SLOW = { idle: "20s", absolute: "10m", warn: "2s" };
const EARLY = { idle: "9s", absolute: "10m", warn: "4s" };
const EDITOR = '<!doctype html><html lang="en"><title>Editor</title><input id="text" aria-label="Text">';

/** On the account page of the bank as shipped, with an editor at `/editor`, a page of its origin. */
async function atDesk(stage) {
  const { visitor, page } = await stage.signedIn();
  await visitor.context.route("**/editor*", (route) => route.fulfill({ contentType: "text/html", body: EDITOR }));
  await visitor.context.route("**/framing", (route) => route.fulfill({
    contentType: "text/html",
    headers: { "content-security-policy": "default-src 'none'; script-src 'self'; connect-src 'self'; frame-src 'self'" },
    body: `<!doctype html><html lang="en"><title>Frame</title><main></main>
      <script type="module" src="/session-timeout.js"></script>
      <session-timeout login="/expired"></session-timeout>
      <iframe srcdoc='${EDITOR}'></iframe>`,
  }));
  await page.goto(`${stage.bank.url}/framing`);
  await page.waitForFunction(() => document.querySelector("session-timeout")?.status != null);
  await last(page).locator("#text").waitFor();
  // The login page asked for a session that was not there yet.
  visitor.messages.length = 0;
  return { visitor, page };
}

const last = (page) => page.frames().at(-1);
const reports = (visitor) => visitor.asked("/session/activity");

/** A key into the field; it takes the focus without an event of a person. */
const type = (frame) => frame.locator("#text").press("a");

/** Asserts that what `deed` does is reported. */
async function assertReported(visitor, deed, what) {
  // Any input before was earlier.
  await pass(0.5);
  const start = Date.now();
  await deed();
  const isIt = (report) => report.at - report.body().idle_ms >= start;
  await until(`a report: ${what}`, () => reports(visitor).some(isIt), 5_000);
}

/** The page looks for new documents in its windows every second. */
const untilSeen = () => pass(1.2);

/** Adds a frame to the page, maybe in a shadow root, and waits for its field. */
async function addFrame(page, attributes, shadow) {
  const before = page.frames().length;
  await page.evaluate(([attributes, shadow]) => {
    const frame = Object.assign(document.createElement("iframe"), attributes);
    const host = document.querySelector("main").appendChild(document.createElement("div"));
    (shadow ? host.attachShadow({ mode: "open" }) : host).append(frame);
  }, [attributes, shadow]);
  await until("the frame is there", () => page.frames().length > before);
  await last(page).locator("#text").waitFor();
  return last(page);
}

scene("N75: typing in frames of the page's origin is seen", { policy: SLOW }, async (stage) => {
  const { visitor, page } = await atDesk(stage);
  await assertReported(visitor, () => type(last(page)), "srcdoc, there from the start");

  const served = await addFrame(page, { src: "/editor" });
  await assertReported(visitor, () => type(served), "a page of the origin, added later");

  await served.goto(`${stage.bank.url}/editor?next`);
  await assertReported(visitor, () => type(served), "the next page in that frame");

  await served.evaluate((html) => {
    document.body.append(Object.assign(document.createElement("iframe"), { srcdoc: html }));
  }, EDITOR);
  const inner = await until("the inner frame is there", () => served.childFrames()[0]);
  await inner.locator("#text").waitFor();
  await assertReported(visitor, () => type(inner), "a frame in a frame");

  await page.evaluate((html) => {
    const frame = document.body.appendChild(document.createElement("iframe"));
    frame.contentDocument.open();
    frame.contentDocument.write(html);
    frame.contentDocument.close();
  }, EDITOR);
  await assertReported(visitor, () => type(last(page)), "about:blank, written by the page");
  assert.deepEqual(visitor.errors, []);
  assert.deepEqual(visitor.messages, []);
});

scene("N75: a frame in a shadow root is seen by the pointer at once", { policy: SLOW }, async (stage) => {
  const { visitor, page } = await atDesk(stage);
  const frame = await addFrame(page, { srcdoc: EDITOR }, true);
  await assertReported(visitor, () => frame.locator("#text").click(), "the pointer");
  assert.deepEqual(visitor.errors, []);
});

scene("N75: typing in windows that the page opened is seen", { policy: SLOW }, async (stage) => {
  const { visitor, page } = await atDesk(stage);
  const open = async (url) => {
    const opening = page.waitForEvent("popup");
    await page.evaluate((url) => void window.open(url), url);
    return opening;
  };
  const served = await open("/editor");
  await served.locator("#text").waitFor();
  await untilSeen();
  await assertReported(visitor, () => type(served), "a page of the origin");
  await served.goto(`${stage.bank.url}/editor?next`);
  await untilSeen();
  await assertReported(visitor, () => type(served), "the next page in that window");
  const blank = await open("");
  await blank.setContent(EDITOR);
  await untilSeen();
  await assertReported(visitor, () => type(blank), "a blank window");
  await served.close();
  await blank.close();
  await assertReported(visitor, () => page.keyboard.press("Shift"), "the page itself, afterwards");
  assert.deepEqual(visitor.errors, []);
});

scene("N75: frames that leave, throw or end harm nothing", { policy: SLOW }, async (stage) => {
  const { visitor, page } = await atDesk(stage);
  const frame = await addFrame(page, { src: "/editor" });
  // Another origin: touching its window throws.
  const sandboxed = await addFrame(page, { srcdoc: EDITOR, sandbox: "allow-scripts" });
  await assertReported(visitor, () => type(frame), "a frame beside it");
  await pass(3.2);
  const before = reports(visitor).length;
  await type(sandboxed);
  await pass(1);
  assert.equal(reports(visitor).length, before, "a frame of another origin was heard");
  await page.evaluate(() => {
    window.gone = new WeakRef(document.querySelector("iframe[src]").contentWindow.document);
    document.querySelectorAll("iframe").forEach((frame) => frame.remove());
  });
  const client = await visitor.context.newCDPSession(page);
  await until("the document of the removed frame is collected", async () => {
    await client.send("HeapProfiler.collectGarbage");
    return page.evaluate(() => window.gone.deref() === undefined);
  });
  await assertReported(visitor, () => page.keyboard.press("Shift"), "the page itself");
  assert.ok(frame.isDetached());
  assert.deepEqual(visitor.errors, []);
});

scene("N75: an element moved to another document does no harm", { policy: EARLY }, async (stage) => {
  const { visitor, page } = await atDesk(stage);
  await page.evaluate(async () => {
    const element = document.querySelector("session-timeout");
    document.querySelector("iframe").contentDocument.body.append(element);
    await new Promise((resolve) => setTimeout(resolve, 300));
    if (element.status) throw new Error("it works in the frame's document");
    document.body.append(element);
  });
  await warned(page);
  await stay(page).click();
  await unwarned(page);
  assert.deepEqual(visitor.errors, []);
  assert.equal(visitor.warnings().length, 1);
});
