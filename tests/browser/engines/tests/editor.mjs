// Input where the page's own window does not see it: frames, windows that the page opened, pointer
// lock, and input methods.

import assert from "node:assert/strict";

import { pass, until } from "../../harness/wait.mjs";
import { scene } from "../scene.mjs";

// One report in a tenth of the idle timeout: two seconds.
const SLOW = { idle: "20s", absolute: "10m", warn: "2s" };
const EDITOR = '<!doctype html><html lang="en"><title>Editor</title><input id="text" aria-label="Text">';

/** On a page of the bank's origin, with these attributes of the component; an editor is at `/editor`. */
export async function atDesk(stage, attributes = "") {
  const { front } = stage;
  front.page("/editor", EDITOR);
  front.page("/framing", `<!doctype html><html lang="en"><title>Frame</title><main></main>
    <script type="module" src="/session-timeout.js"></script>
    <session-timeout login="/expired" ${attributes}></session-timeout>`);
  const page = await stage.signedIn();
  await page.goto("/framing");
  await page.ready();
  return page;
}

/** Whether the page has reported input that happened since then. */
export const isReported = ({ front }, since) =>
  front.asked("/session/activity").some(({ at, body }) => at - JSON.parse(body || "{}").idle_ms >= since);

/** Asserts that what `deed` does is reported. */
export async function assertReported(stage, deed, what) {
  // Any input before was earlier.
  await pass(0.5);
  const start = Date.now();
  await deed();
  await until(`a report: ${what}`, () => isReported(stage, start), 5_000);
}

/** Adds a frame to the page, maybe in a shadow root, as `window.frame`, and waits for its field. */
export async function addFrame(page, attributes, shadow) {
  await page.evaluate((attributes, shadow) => {
    window.frame = Object.assign(document.createElement("iframe"), attributes);
    const host = document.querySelector("main").appendChild(document.createElement("div"));
    (shadow ? host.attachShadow({ mode: "open" }) : host).append(window.frame);
  }, attributes, shadow ?? null);
  await hasField(page);
}

const hasField = (page) => page.until("the frame is there", () => window.frame.contentDocument?.querySelector("#text") != null);

/** A key into the field of `window.frame`; it takes the focus without an event of a person. */
async function type(page) {
  await page.evaluate(() => window.frame.contentDocument.querySelector("#text").focus());
  await page.press("a");
}

scene("N75: typing in frames of the page's origin is seen", { policy: SLOW }, async (stage) => {
  const page = await atDesk(stage);
  await addFrame(page, { srcdoc: EDITOR });
  await assertReported(stage, () => type(page), "srcdoc");
  await addFrame(page, { src: "/editor" });
  await assertReported(stage, () => type(page), "a page of the origin");
  await page.evaluate(() => void (window.frame.contentDocument.title = "Before"));
  await page.evaluate(() => void (window.frame.src = "/editor?next"));
  await page.until("the next page is there", () => window.frame.contentDocument?.title === "Editor");
  await hasField(page);
  await assertReported(stage, () => type(page), "the next page in that frame");
});

scene("N75: a frame in a shadow root is seen once it is entered", { policy: SLOW }, async (stage) => {
  const page = await atDesk(stage);
  await addFrame(page, { srcdoc: EDITOR }, true);
  await page.evaluate(() => window.frame.contentDocument.querySelector("#text").focus());
  // The focus is noticed within a second.
  await pass(1.2);
  await assertReported(stage, () => page.press("a"), "a key");
});

scene("N75: typing in a window that the page opened is seen", { policy: SLOW }, async (stage) => {
  const page = await atDesk(stage);
  await page.evaluate(() => {
    document.onclick = () => window.open("/editor");
  });
  const editor = await stage.opened(() => page.clickAt(5, 5));
  await editor.until("the window is there", () => document.querySelector("#text") !== null);
  // The page looks for new documents every second.
  await pass(1.2);
  await assertReported(stage, () => editor.fill("#text", "a"), "a key");
});

scene("N76: moves under a pointer lock count", { policy: SLOW }, async (stage) => {
  const page = await atDesk(stage);
  await page.evaluate(() => {
    // A pointer lock keeps the place on a real screen; without a screen it moves on.
    const place = { get: () => 7 };
    Object.defineProperties(MouseEvent.prototype, { screenX: place, screenY: place });
    document.onclick = () => document.body.requestPointerLock();
  });
  await page.clickAt(5, 5);
  await page.until("the pointer is locked", () => document.pointerLockElement !== null);
  await assertReported(stage, () => page.moveTo(30, 20), "a move");
});

scene("N76: composing with an input method counts", { policy: SLOW }, async (stage) => {
  const page = await stage.signedIn();
  await page.of('[name="note"]', (field) => field.focus());
  await assertReported(stage, () => page.compose("か"), "a composition");
});
