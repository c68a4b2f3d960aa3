// Whether the warning comes in time, in any browser.

import assert from "node:assert/strict";

/**
 * Waits for the warning, asserts that it comes when `left` milliseconds are left, and returns by how many it is late
 * at most.
 */
export async function assertOnTime(page, left) {
  const { least, most } = await page.evaluate(measure, left);
  assert.ok(least > -250, `${-least} ms too early`);
  assert.ok(most <= 500, `up to ${most} ms late`);
  return most;
}

/** In the page: how late the warning is painted, with a margin for the server's answer. */
async function measure(left) {
  const asked = performance.now();
  const status = await (await fetch("/session", { cache: "no-store" })).json();
  const answered = performance.now();
  const shown = await new Promise((resolve) => {
    const look = () => {
      const dialog = document.querySelector("session-timeout").shadowRoot.querySelector("dialog[open]");
      if (dialog?.getBoundingClientRect().height > 0) resolve(performance.now());
      else requestAnimationFrame(look);
    };
    look();
  });
  const moment = status.remaining_ms - left;
  return { least: shown - (answered + moment), most: shown - (asked + moment) };
}
