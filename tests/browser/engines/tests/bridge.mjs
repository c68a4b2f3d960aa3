// An editor of another origin in a frame: its input counts if the page lists its origin.

import assert from "node:assert/strict";

import { pass } from "../../harness/wait.mjs";
import { scene } from "../scene.mjs";
import { assertReported, atDesk, isReported } from "./editor.mjs";

// One report in a tenth of the idle timeout: two seconds.
const SLOW = { idle: "20s", absolute: "10m", warn: "2s" };

/** An editor as the docs have it. */
const EDITOR = `<!doctype html><html lang="en"><title>Editor</title><input autofocus aria-label="Text" style="width: 90%; height: 90%"><script>
  const report = ({ isTrusted }) => {
    if (isTrusted) parent.postMessage({ type: "session-timeout-input" }, "*");
  };
  addEventListener("keydown", report, { capture: true, passive: true });
</script>`;

/** The page with an editor of another origin; clicking into it is no input of the page. */
async function withEditor(stage, isListed) {
  // The same host on another port.
  const other = await stage.anotherFront();
  other.page("/", EDITOR);
  const listed = isListed ? other.url : "https://editor.example";
  const page = await atDesk(stage, `frames="https://other.example ${listed}"`);
  await page.evaluate(async (src) => {
    const frame = Object.assign(document.createElement("iframe"), { src, width: 300, height: 200 });
    document.querySelector("main").append(frame);
    await new Promise((resolve) => (frame.onload = resolve));
  }, `${other.url}/`);
  await page.click("iframe");
  return page;
}

scene("N75: a listed frame of another origin reports input", { policy: SLOW }, async (stage) => {
  const page = await withEditor(stage, true);
  await assertReported(stage, () => page.press("a"), "a key");
});

scene("N75: a frame that is not listed reports nothing", { policy: SLOW }, async (stage) => {
  const page = await withEditor(stage, false);
  await pass(0.5);
  const start = Date.now();
  await page.press("a");
  // Longer than the pause between two reports, and the second in which one is noticed.
  await pass(3.3);
  assert.equal(isReported(stage, start), false);
  assert.equal((await stage.truth()).alive, true);
});
