// A tab behind another one.

import assert from "node:assert/strict";

import { secondsSince, until } from "../../harness/wait.mjs";
import { scene } from "../scene.mjs";

/** A hidden tab on the account page; the first window is somewhere else. */
async function hiddenTab(stage) {
  const front = await stage.signedIn();
  const hidden = await stage.openHidden();
  await hidden.goto("/");
  await front.goto("about:blank");
  await hidden.ready();
  assert.equal(await hidden.evaluate(() => document.hidden), true);
  return { front, hidden };
}

scene("N5: a hidden tab's calls don't count, and it leaves on time", {
  policy: { idle: "4s", absolute: "10m", warn: "2s" },
}, async (stage, t) => {
  const { hidden } = await hiddenTab(stage);
  const { remaining_ms } = await stage.truth();
  const start = Date.now();
  await hidden.evaluate(() => {
    setInterval(() => fetch("/api/balance", { cache: "no-store" }), 500);
  });
  await until("the session ends", async () => !(await stage.truth()).alive);
  assert.ok(secondsSince(start) < remaining_ms / 1_000 + 1, "it was prolonged");
  await hidden.expired("idle_timeout");
  t.diagnostic(`on the expired page ${(secondsSince(start) - remaining_ms / 1_000).toFixed(1)} s after the end`);
  const marks = stage.front.asked("/api/balance").map(({ headers }) => headers["session-activity"]);
  assert.ok(marks.length >= 2, "the hidden tab made no calls");
  assert.deepEqual(new Set(marks), new Set(["passive"]));
});

scene("N43: a hidden tab warns, and shows the right time in front", {
  policy: { idle: "10s", absolute: "10m", warn: "3s" },
}, async (stage) => {
  const { front, hidden } = await hiddenTab(stage);
  await hidden.see("::part(stay)");
  assert.equal(await hidden.evaluate(() => document.hidden), true);
  await stage.leave(front);
  await hidden.until("the tab is in front", () => !document.hidden);
  const [, seconds] = /(\d+) seconds?/.exec(await hidden.dialogText());
  const { remaining_ms } = await stage.truth();
  assert.ok(Math.abs(seconds * 1_000 - remaining_ms) < 1_300, `${seconds} s shown, ${remaining_ms} ms left`);
  await hidden.click("::part(stay)");
  await hidden.unwarned();
  assert.ok((await stage.truth()).remaining_ms > 8_000);
});
