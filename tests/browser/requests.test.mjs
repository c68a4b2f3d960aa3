// The page's own requests by `XMLHttpRequest` and `sendBeacon`: with the second script they are read
// and marked as those by `fetch`.

import assert from "node:assert/strict";

import { part } from "./harness/dialog.mjs";
import { putSlow } from "./harness/proxy.mjs";
import { scene } from "./harness/scene.mjs";
import { site } from "./harness/site.mjs";
import { pass, until } from "./harness/wait.mjs";

const CALM = { idle: "10m", absolute: "1h", warn: "1m" };
const SHORT = { idle: "8s", absolute: "10m", warn: "2s" };

/** Loads the second script into a page. */
const extend = (page) => page.addScriptTag({ url: "/session-timeout-requests.js", type: "module" });

/** Sends a request by `XMLHttpRequest`; resolves to its status, 0 without an answer. */
const ask = (page, { method = "GET", url, fields = {}, body = null }) =>
  page.evaluate(({ method, url, fields, body }) => new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(fields)) request.setRequestHeader(name, value);
    request.onloadend = () => resolve(request.status);
    request.send(body);
  }), { method, url, fields, body });

/** Signed in, with the tab hidden behind another, and requests marked by the bank's script. */
async function hidden(stage) {
  const visitor = await stage.visitorWithTabs();
  const page = await visitor.open("/login");
  await visitor.signIn(page);
  await extend(page);
  const other = await visitor.context.newPage();
  await other.bringToFront();
  await until("the tab is hidden", () => page.evaluate(() => document.hidden));
  return { visitor, page };
}

const marks = (visitor, path) => visitor.asked(path).map(({ headers }) => headers["session-activity"]);

scene("N5: XMLHttpRequest of a hidden page is passive", { policy: CALM }, async (stage) => {
  const { visitor, page } = await hidden(stage);
  const abroad = await site(stage, "127.0.0.1", "elsewhere");
  await ask(page, { url: "/api/balance" });
  await ask(page, { url: `${stage.bank.url}/api/balance`, fields: { "X-Mark": "kept" } });
  await ask(page, { url: "/api/balance", fields: { "Session-Activity": "mine" } });
  assert.deepEqual(marks(visitor, "/api/balance"), ["passive", "passive", "mine"]);
  assert.equal(visitor.asked("/api/balance")[1].headers["x-mark"], "kept");
  await page.bringToFront();
  await until("the tab is visible", () => page.evaluate(() => !document.hidden));
  await ask(page, { url: "/api/balance" });
  assert.deepEqual(marks(visitor, "/api/balance").at(-1), undefined);
  // The bank's policy forbids other origins; the call must fail as it does without the element.
  assert.equal(await ask(page, { url: abroad }), 0);
  assert.deepEqual(visitor.errors, []);
});

scene("N5: sendBeacon of a hidden page is passive", { policy: CALM }, async (stage) => {
  const { visitor, page } = await hidden(stage);
  const send = (body) => page.evaluate((body) => navigator.sendBeacon("/beacon", body), body);
  assert.equal(await send("gone"), true);
  await until("it is sent", () => visitor.asked("/beacon").length === 1);
  await page.bringToFront();
  await until("the tab is visible", () => page.evaluate(() => !document.hidden));
  assert.equal(await send("here"), true);
  await until("it is sent", () => visitor.asked("/beacon").length === 2);
  assert.deepEqual(marks(visitor, "/beacon"), ["passive", undefined]);
  assert.deepEqual(visitor.asked("/beacon").map(({ method }) => method), ["POST", "POST"]);
  assert.deepEqual(visitor.errors, []);
});

scene("answers to XMLHttpRequest are read", { policy: CALM }, async (stage) => {
  const visitor = await stage.visitor();
  // Only the page's own answers tell how much time is left.
  await visitor.context.route(/\/session$|\/session\/events$/, (route) => route.fulfill({ status: 404 }));
  await visitor.context.route("**/static/bank.js", (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
  const page = await visitor.open("/login");
  await page.fill('input[name="username"]', "alice");
  await page.fill('input[name="password"]', "demo-password");
  await page.press('input[name="password"]', "Enter");
  await page.waitForURL((url) => url.pathname === "/");
  await extend(page);
  const left = () => page.evaluate(() => document.querySelector("session-timeout").status?.remaining_ms ?? null);
  await pass(0.5);
  assert.equal(await left(), null);
  assert.equal(await ask(page, { url: "/api/balance" }), 200);
  assert.ok((await left()) > 590_000);
});

scene("a 401 to XMLHttpRequest makes the element ask", { policy: CALM }, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  await extend(page);
  await visitor.context.route("**/refused", (route) => route.fulfill({ status: 401 }));
  // Longer than the time in which close questions are combined.
  await pass(1.2);
  const before = visitor.asked("/session").length;
  assert.equal(await ask(page, { url: "/refused" }), 401);
  await until("it asks", () => visitor.asked("/session").length > before, 2_000);
  assert.equal((await visitor.truth()).alive, true);
});

scene("N78: a running XMLHttpRequest keeps the page, covered", { policy: SHORT }, async (stage) => {
  const { outcome } = await putSlow(stage, 12);
  const { page } = await stage.signedIn();
  await extend(page);
  const sent = ask(page, { method: "POST", url: "/slow", body: "something" });
  await part(page, "sign-in").waitFor({ timeout: 15_000 });
  assert.equal(new URL(page.url()).pathname, "/");
  assert.equal(await Promise.race([outcome, "running"]), "running");
  assert.equal(await outcome, true);
  assert.equal(await sent, 200);
});

scene("XMLHttpRequest works as without the script", { policy: CALM }, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  await extend(page);
  const seen = await page.evaluate(async () => {
    const seen = {};
    const done = (request) => new Promise((resolve) => (request.onloadend = resolve));
    const again = new XMLHttpRequest();
    for (const at of ["first", "second"]) {
      again.open("GET", "/api/balance");
      again.responseType = "json";
      again.send();
      await done(again);
      seen[at] = "balance" in again.response;
    }
    const waiting = new XMLHttpRequest();
    waiting.open("GET", "/api/balance", false);
    waiting.send();
    seen.synchronous = waiting.status;
    const aborted = new XMLHttpRequest();
    aborted.open("POST", "/api/transfer");
    aborted.send("{}");
    aborted.abort();
    seen.aborted = aborted.status;
    const unopened = new XMLHttpRequest();
    for (const call of [(r) => r.send(), (r) => r.setRequestHeader("session-activity", "x"), (r) => r.open("GET", "http://[")]) {
      try {
        call(unopened);
        seen.unopened = "no error";
      } catch (error) {
        (seen.errors ??= []).push(error.name);
      }
    }
    return seen;
  });
  assert.deepEqual(seen, {
    first: true, second: true, synchronous: 200, aborted: 0,
    errors: ["InvalidStateError", "InvalidStateError", "SyntaxError"],
  });
  assert.deepEqual(visitor.errors, []);
});
