// Input of a person extends the session, and is reported with its real age.

import assert from "node:assert/strict";

import { dialog, expired } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";
import { pass, secondsSince, until } from "./harness/wait.mjs";

const SHORT = { idle: "5s", absolute: "10m", warn: "1s" };
// One report in a tenth of the idle timeout: two seconds.
const SLOW = { idle: "20s", absolute: "10m", warn: "2s" };

scene("typing extends, counted from the last key", {
  policy: SHORT,
}, async (stage, t) => {
  const { visitor, page } = await stage.signedIn();
  const note = page.locator('[name="note"]');
  const start = Date.now();
  let last;
  while (secondsSince(start) < 14) {
    await note.press("a");
    last = Date.now();
    await pass(0.6);
    assert.ok(!(await dialog(page).isVisible()), "a warning in spite of typing");
  }
  const { alive, remaining_ms } = await visitor.truth();
  assert.ok(alive);
  assert.ok(remaining_ms > 2_500, `${remaining_ms} ms left right after a key`);
  await expired(page, "idle_timeout");
  const took = secondsSince(last);
  t.diagnostic(`over ${took.toFixed(2)} s after the last key, where 5 s are allowed`);
  assert.ok(took > 4.2 && took < 7, `${took} s`);
});

const DEEDS = {
  "a key": (page) => page.locator('[name="amount"]').press("End"),
  "a click": (page) => page.locator("main h1").click(),
  "a move of the pointer": (page) => page.mouse.move(10 + Math.random() * 200, 200),
  "the wheel": async (page) => {
    await page.mouse.wheel(0, 30);
  },
  "a touch": (page) => page.touchscreen.tap(20, 200),
};

for (const [name, deed] of Object.entries(DEEDS)) {
  scene(`${name} is reported as activity, with its age`, { policy: SLOW }, async (stage) => {
    const { visitor, page } = await stage.signedIn({ hasTouch: true });
    await pass(2);
    const { remaining_ms: before } = await visitor.truth();
    assert.equal(visitor.asked("/session/activity").length, 0, "a report without input");
    await deed(page);
    const [report] = await until("a report", () => {
      const reports = visitor.asked("/session/activity");
      return reports.length > 0 && reports;
    }, 2_000);
    assert.equal(report.method, "POST");
    assert.match(report.headers["content-type"], /^application\/json/);
    assert.equal(report.headers["session-activity"], undefined);
    const body = report.body();
    assert.deepEqual(Object.keys(body), ["idle_ms"]);
    assert.ok(Number.isInteger(body.idle_ms) && body.idle_ms >= 0 && body.idle_ms < 1_000, JSON.stringify(body));
    assert.equal(await report.status(), 200);
    const { remaining_ms: after } = await visitor.truth();
    assert.ok(after > before + 300, `${before} ms, and then ${after} ms`);
  });
}

scene("constant input makes one report in two seconds", {
  policy: SLOW,
}, async (stage, t) => {
  const { visitor, page } = await stage.signedIn();
  const amount = page.locator('[name="amount"]');
  const start = Date.now();
  while (secondsSince(start) < 7) {
    await amount.press("End");
    await pass(0.1);
  }
  const last = Date.now();
  await pass(2.2);
  const reports = visitor.asked("/session/activity");
  t.diagnostic(`${reports.length} reports in 7 s of input`);
  assert.ok(reports.length >= 4 && reports.length <= 5, `${reports.length} reports`);
  const least = Date.now() - last;
  const { remaining_ms } = await visitor.truth();
  const most = Date.now() - last;
  const counted = 20_000 - remaining_ms;
  const isRight = counted > least - 900 && counted < most + 900;
  assert.ok(isRight, `the server counts ${counted} ms since the last input, ${least} to ${most} ms ago`);
});

scene("no input, no report", { policy: SLOW }, async (stage) => {
  const { visitor } = await stage.signedIn();
  await pass(5);
  assert.deepEqual(visitor.requests.filter(({ method, url }) => method === "POST" && url.includes("/session/")), []);
});
