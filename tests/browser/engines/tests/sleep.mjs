// A machine that sleeps: all processes of the browser are suspended, and its connections are lost.

import assert from "node:assert/strict";

import { pageShows } from "../../harness/looking.mjs";
import { pass, until } from "../../harness/wait.mjs";
import { scene } from "../scene.mjs";

scene("N43: after sleep past the end covered at once, then ended", {
  policy: { idle: "4s", absolute: "10m", warn: "2s" },
}, async (stage, t) => {
  const page = await stage.signedIn();
  const release = stage.front.hold("/session");
  await stage.sleep(() => until("the session has expired", async () => !(await stage.truth()).alive));
  const start = Date.now();
  await page.see("::part(cover)", 2_000);
  t.diagnostic(`covered ${Date.now() - start} ms after waking, before any answer`);
  assert.equal(await pageShows(page), false, "the page shows through");
  release();
  await page.expired("idle_timeout");
});

scene("N10: waking up in time asks passively, covers nothing", {
  policy: { idle: "1m", absolute: "1h", warn: "5s" },
}, async (stage) => {
  const page = await stage.signedIn();
  const { idle_deadline } = await stage.truth();
  let before;
  // Longer than the lateness by which the page notices that it slept.
  await stage.sleep(async () => {
    await pass(6);
    before = stage.front.asked("/session").length;
  });
  const asked = await until("it asks", () => stage.front.asked("/session")[before], 3_000);
  assert.equal(asked.headers["session-activity"], "passive");
  assert.equal((await stage.truth()).idle_deadline, idle_deadline, "waking up was counted as activity");
  assert.equal(await page.sees("::part(dialog)"), false);
});
