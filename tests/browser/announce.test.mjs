// What screen readers announce, and how often. The browser's clock runs faster than the server's.

import assert from "node:assert/strict";

import { dialog, stay, stopClock, warned } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";

/** A signed-in visitor whose page's clock the test controls, without the server's events. */
async function aheadOfTime(stage, ...silent) {
  const visitor = await stage.visitor();
  await visitor.context.clock.install();
  await visitor.loseStream();
  const page = await visitor.open("/login");
  await visitor.signIn(page);
  for (const path of ["**/api/notifications", ...silent]) await visitor.context.route(path, () => {});
  return { page };
}

/** Records each change of a live region in the component, with the page's time. */
const RECORD = () => {
  const root = document.querySelector("session-timeout").shadowRoot;
  const live = "[aria-live]:not([aria-live=off]), [role=status], [role=alert], [role=log]";
  window.announced = [];
  const note = (node) => {
    const element = node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement;
    const region = element?.closest(live);
    const text = region?.textContent.trim();
    if (!text) return;
    window.announced.push({ at: performance.now(), text, manner: region.getAttribute("aria-live") ?? region.role });
  };
  new MutationObserver((changes) => {
    // A burst of changes is announced once.
    note(changes.find(({ target }) => (target.closest ? target : target.parentElement)?.closest(live))?.target ?? root);
  }).observe(root, { childList: true, characterData: true, subtree: true });
};

scene("N42: time left announced at most every 20 seconds", {
  policy: { idle: "300s", absolute: "1h", warn: "150s" },
}, async (stage, t) => {
  const { page } = await aheadOfTime(stage, "**/session");
  await page.evaluate(RECORD);
  await page.clock.fastForward(152_000);
  await warned(page);
  const before = await dialog(page).innerText();
  await stopClock(page);
  for (let second = 0; second < 130; second += 1) await page.clock.runFor(1_000);
  const after = await dialog(page).innerText();
  assert.notEqual(after, before, "nothing counted down");
  const announced = await page.evaluate(() => window.announced);
  const gaps = announced.slice(1).map(({ at }, n) => Math.round(at - announced[n].at));
  t.diagnostic(`announced ${announced.length} times in 130 s: ${JSON.stringify(announced.map(({ text }) => text))}`);
  assert.ok(announced.length >= 3, "the text does not say that time runs out");
  assert.ok(gaps.every((gap) => gap >= 19_900), `gaps of ${gaps} ms`);
  assert.ok(announced.every(({ manner }) => ["polite", "status"].includes(manner)), JSON.stringify(announced));
});

scene("the ticking number is no live region", {
  policy: { idle: "12s", absolute: "10m", warn: "6s" },
}, async (stage) => {
  const { page } = await stage.signedIn();
  await warned(page);
  const loud = await page.evaluate(() => {
    const time = document.querySelector("session-timeout").shadowRoot.querySelector('[part~="time"]');
    const live = time.closest("[aria-live], [role=status], [role=alert], [role=log], [role=timer]");
    return live !== null && live.getAttribute("aria-live") !== "off" && live.getAttribute("role") !== "timer";
  });
  assert.equal(loud, false);
});

scene("N42: the user has at least 20 seconds to answer", {
  policy: { idle: "60s", absolute: "1h", warn: "2s" },
}, async (stage) => {
  const { page } = await aheadOfTime(stage, "**/session");
  await stopClock(page);
  const remaining = () => page.evaluate(() => document.querySelector("session-timeout").status.remaining_ms);
  await page.clock.runFor((await remaining()) - 22_000);
  assert.ok(!(await stay(page).isVisible()), `a warning with ${await remaining()} ms left`);
  await page.clock.runFor(2_500);
  await stay(page).waitFor({ state: "visible", timeout: 1_000 });
  const left = await remaining();
  assert.ok(left > 19_000, `${left} ms are left to answer`);
});
