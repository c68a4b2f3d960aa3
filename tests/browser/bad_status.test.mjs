// A broken status endpoint: no crash, no keep-alive, one helpful message.

import assert from "node:assert/strict";

import { cover, dialog } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";
import { ready } from "./harness/visitor.mjs";
import { pass, until } from "./harness/wait.mjs";

const SHORT = { idle: "5s", absolute: "10m", warn: "1s" };

const json = (value) => ({ status: 200, contentType: "application/json", body: JSON.stringify(value) });
const status = (changed) =>
  json({ state: "active", remaining_ms: 600_000, ends_by: "idle_timeout", extendable: true, warn_ms: 1_000, ...changed });

const ANSWERS = {
  "404": { status: 404, body: "not here" },
  "500": { status: 500, body: "oops" },
  "a page": { status: 200, contentType: "text/html", body: "<!doctype html><title>Sign in</title>" },
  "a page that says it is JSON": { status: 200, contentType: "application/json", body: "<!doctype html>" },
  "an empty answer": { status: 200, contentType: "application/json", body: "" },
  "null": json(null),
  "a list": json([600_000]),
  "a time in words": status({ remaining_ms: "600000" }),
  "a negative time": status({ remaining_ms: -600_000 }),
  "a huge time": status({ remaining_ms: 1e300 }),
  "a time that is no number": { status: 200, contentType: "application/json", body: '{"state":"active","remaining_ms":NaN}' },
  "an unknown state": status({ state: "immortal" }),
  "no warning time": status({ warn_ms: null }),
  "a 401 without a reason": { status: 401, contentType: "application/json", body: "{}" },
};

/** Blocks the stream too, so that only the status document is left. */
async function broken(stage, answer) {
  const visitor = await stage.visitor();
  await visitor.loseStream();
  await visitor.context.route("**/session", (route) => route.fulfill(answer));
  const page = await visitor.open("/login");
  await page.fill('input[name="username"]', "alice");
  await page.fill('input[name="password"]', "demo-password");
  await page.press('input[name="password"]', "Enter");
  await page.waitForURL((url) => url.pathname === "/");
  return { visitor, page };
}

async function failsWell(stage, name, answer) {
  const { visitor } = await broken(stage, answer);
  await until(`${name}: the session ends`, async () => !(await visitor.truth()).alive, 7_000);
  await pass(1);
  assert.equal(visitor.asked("/session/extend").length + visitor.asked("/session/activity").length, 0, name);
  assert.deepEqual(visitor.errors, [], name);
  return visitor;
}

const names = Object.keys(ANSWERS);
// A few at a time, because each mostly waits.
for (let first = 0; first < names.length; first += 5) {
  const some = names.slice(first, first + 5);
  scene(`a status endpoint that answers ${some.join(", ")}`, { policy: SHORT }, async (stage) => {
    await Promise.all(some.map(async (name) => {
      const visitor = await failsWell(stage, name, ANSWERS[name]);
      if (name === "a 401 without a reason") return;
      const told = visitor.warnings().map(({ text }) => text);
      // One on the login page, one on the account page.
      assert.equal(told.length, 2, `${name}: ${JSON.stringify(told)}`);
      for (const text of told) {
        assert.match(text, /\/session/, name);
        assert.match(text, /endpoint/, name);
      }
    }));
  });
}

scene("a page's own answers replace a broken status endpoint", {
  policy: SHORT,
}, async (stage) => {
  const { visitor, page } = await broken(stage, ANSWERS["500"]);
  // The page polls, and each answer has a `Session-Timeout` field.
  await until("it polls", () => visitor.asked("/api/notifications").length > 1, 4_000);
  await until("the session ends", async () => !(await visitor.truth()).alive, 7_000);
  await until("it is covered or gone", async () =>
    new URL(page.url()).pathname !== "/" || (await cover(page).isVisible()), 2_000);
});

scene("the known deadline holds when the endpoint breaks", {
  policy: { idle: "6s", absolute: "10m", warn: "2s" },
}, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  await visitor.context.route("**/session", (route) => route.fulfill({ status: 500 }));
  await visitor.context.route("**/session/events", (route) => route.fulfill({ status: 500 }));
  await dialog(page).waitFor({ state: "visible", timeout: 8_000 });
  assert.ok((await visitor.truth()).alive, "the warning came with the end");
  await until("the session ends", async () => !(await visitor.truth()).alive, 5_000);
  await until("it is covered or gone", async () =>
    new URL(page.url()).pathname !== "/" || (await cover(page).isVisible()), 3_000);
  assert.deepEqual(visitor.errors, []);
});

scene("a page that saw no live session stays silent", {
  policy: SHORT,
}, async (stage) => {
  for (const name of ["500", "a page", "a huge time", "a negative time"]) {
    const visitor = await stage.visitor();
    await visitor.context.route("**/session", (route) => route.fulfill(ANSWERS[name]));
    await visitor.loseStream();
    const page = await visitor.open("/login");
    await until("it asks", () => visitor.asked("/session").length > 0, 3_000);
    await pass(1.5);
    assert.ok(!(await dialog(page).isVisible()), name);
    assert.equal(new URL(page.url()).pathname, "/login", name);
    assert.deepEqual(visitor.errors, [], name);
  }
});

scene("a login page shows no dialog, event or message", { policy: SHORT }, async (stage) => {
  const visitor = await stage.visitor();
  const page = await visitor.open("/login");
  await page.fill('input[name="username"]', "alice");
  await pass(3);
  assert.ok(!(await dialog(page).isVisible()));
  assert.deepEqual(visitor.warnings(), []);
  assert.equal(visitor.asked("/session/activity").length, 0);
  assert.equal(new URL(page.url()).pathname, "/login");
});

scene("a garbled event stream moves no deadline", { policy: SHORT }, async (stage) => {
  const visitor = await stage.visitor();
  const nonsense = [
    "event: session-status\ndata: {\"remaining_ms\": 1e300}",
    "event: session-status\ndata: not json",
    "event: session-warning\ndata: null",
    "event: something-else\ndata: {}",
    `event: session-status\ndata: ${"9".repeat(10_000)}`,
  ].join("\n\n");
  const body = `retry: 60000\n\n${nonsense}\n\n`;
  await visitor.context.route("**/session/events", (route) =>
    route.fulfill({ status: 200, contentType: "text/event-stream", body }));
  const page = await visitor.open("/login");
  await visitor.signIn(page);
  await ready(page);
  await pass(1);
  assert.equal(new URL(page.url()).pathname, "/", "garbled data ended the session");
  await until("the session ends", async () => !(await visitor.truth()).alive, 7_000);
  await until("it is covered or gone", async () =>
    new URL(page.url()).pathname !== "/" || (await cover(page).isVisible()), 3_000);
  assert.deepEqual(visitor.errors, []);
});

scene("an end with an unreadable reason is still an end", { policy: SHORT }, async (stage) => {
  const visitor = await stage.visitor();
  const body = "event: session-expired\ndata: {\"reason\": \"<b>you</b>\"}\n\n";
  await visitor.context.route("**/session/events", (route) =>
    route.fulfill({ status: 200, contentType: "text/event-stream", body }));
  const page = await visitor.open("/login");
  await page.fill('input[name="username"]', "alice");
  await page.fill('input[name="password"]', "demo-password");
  await page.press('input[name="password"]', "Enter");
  await page.waitForURL((url) => url.pathname === "/expired");
  assert.match(new URL(page.url()).searchParams.get("reason"), /^[a-z_]+$/);
  assert.deepEqual(visitor.errors, []);
});

scene("garbled messages of another tab change nothing", { policy: SHORT }, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  const other = await visitor.open("/session-timeout.js");
  await other.evaluate(async () => {
    const channel = new BroadcastChannel("dwell/session");
    const junk = [
      null, 7, "ended", [], {}, { ended: 7 }, { ended: "<b>" }, { input: -1 }, { input: "now" },
      { status: { remaining_ms: 1e300 } }, { status: null }, new Map(), { input: NaN },
    ];
    for (const message of junk) channel.postMessage(message);
  });
  await pass(0.5);
  assert.equal(new URL(page.url()).pathname, "/");
  assert.equal(visitor.asked("/session/activity").length, 0);
  assert.deepEqual(visitor.errors, []);
  await until("the session ends", async () => !(await visitor.truth()).alive, 7_000);
});
