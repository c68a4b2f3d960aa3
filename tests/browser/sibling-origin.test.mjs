// A single-page application and its API on two origins of one site: the example `sibling-origin`.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launch } from "./harness/chromium.mjs";
import { site } from "./harness/site.mjs";
import { until } from "./harness/wait.mjs";

const BUILT = fileURLToPath(new URL("../../target/debug/sibling-origin", import.meta.url));
const PROGRAM = process.env.DWELL_SIBLING_ORIGIN ?? BUILT;

const IDLE_S = 900;

let browser;
const programs = new Set();
process.on("exit", () => programs.forEach((program) => program.kill("SIGKILL")));

before(async () => (browser = await launch()));
after(async () => {
  await browser.close();
  for (const program of programs) program.kill();
});

/** Starts the example with this idle timeout, and returns the application's address. */
async function start(idle) {
  const program = spawn(PROGRAM, [idle], { env: { ...process.env, PORT: "0" }, stdio: ["ignore", "pipe", "inherit"] });
  programs.add(program);
  const [address] = await once(createInterface({ input: program.stdout }), "line");
  return address;
}

/** The application's page in a new profile; with the API's origin, and the requests to it on the wire. */
async function open({ idle = IDLE_S } = {}) {
  const app = await start(idle);
  const context = await browser.newContext();
  const page = await context.newPage();
  const client = await context.newCDPSession(page);
  const seen = new Map();
  const one = (id) => seen.get(id) ?? seen.set(id, {}).get(id);
  client.on("Network.requestWillBeSent", ({ requestId, request }) =>
    Object.assign(one(requestId), { method: request.method, url: request.url }));
  client.on("Network.requestWillBeSentExtraInfo", ({ requestId, headers }) => (one(requestId).sent = headers));
  client.on("Network.responseReceivedExtraInfo", ({ requestId, headers }) => (one(requestId).got = headers));
  await client.send("Network.enable");
  await page.goto(app);
  await told(page, /session_required/);
  const api = await page.evaluate(() => api);
  /** The requests so far by this method to this path. */
  const wire = (method, path) => [...seen.values()].filter((one) => one.method === method && one.url === api + path && one.got);
  return { context, page, app, api, wire };
}

/** Waits for what the application's page shows. */
const told = (page, text) => page.locator("p").filter({ hasText: text }).waitFor();

const signIn = async (page) => {
  await page.click("button");
  await told(page, /Hello alice/);
};

/** Asks as a script of the application does: status, the exposed field, and the reason of a refusal. */
const ask = (page, path, init = {}) =>
  page.evaluate(async ([path, init]) => {
    const answer = await fetch(api + path, { credentials: "include", ...init });
    const isJson = answer.headers.get("content-type")?.includes("json");
    const { reason, idle_deadline } = isJson ? await answer.json() : {};
    return { status: answer.status, left: answer.headers.get("session-timeout"), reason, idle_deadline };
  }, [path, init]);

const PASSIVE = { headers: { "session-activity": "passive" } };

const deadline = async (page) => (await ask(page, "/session", PASSIVE)).idle_deadline;

test("a sibling's script signs in and reads the time left", async () => {
  const { context, page, app, api, wire } = await open();
  assert.notEqual(new URL(api).origin, new URL(app).origin);
  await signIn(page);
  const [{ sameSite, httpOnly }] = await context.cookies(api);
  assert.deepEqual({ sameSite, httpOnly }, { sameSite: "Lax", httpOnly: true });
  const sent = wire("GET", "/").map(({ sent }) => /session=/.test(sent.cookie ?? sent.Cookie));
  assert.deepEqual(sent, [false, true]);
  const { status, left } = await ask(page, "/");
  assert.equal(status, 200);
  assert.match(left, new RegExp(`^idle=(${IDLE_S}|${IDLE_S - 1}), `));
  const without = await ask(page, "/", { credentials: "omit" });
  // Without credentials the same script gets nothing.
  assert.deepEqual([without.status, without.reason, without.left], [401, "session_required", null]);
  await context.close();
});

test("a sibling's marked poll passes its preflight and is passive", async () => {
  const { context, page, app, wire } = await open();
  await signIn(page);
  const before = await deadline(page);
  await until("time passes", async () => {
    const { left } = await ask(page, "/", PASSIVE);
    return /^idle=(\d+)/.exec(left)[1] < IDLE_S - 1;
  });
  assert.equal(await deadline(page), before, "a poll was counted as activity");
  const [preflight] = await until("the preflight is seen", () => wire("OPTIONS", "/").length > 0 && wire("OPTIONS", "/"));
  const field = (name) => Object.entries(preflight.got).find(([key]) => key.toLowerCase() === name)?.[1];
  assert.equal(field("access-control-allow-origin"), new URL(app).origin);
  assert.match(field("access-control-allow-headers"), /session-activity/);
  await context.close();
});

test("a sibling's script may extend, another origin's may not", async (t) => {
  const { context, page, api } = await open();
  await signIn(page);
  const extended = await ask(page, "/session/extend", { method: "POST" });
  assert.equal(extended.status, 200);
  // The same site under another port, which nobody listed: it can send, and can't read.
  const other = await context.newPage();
  await other.goto(await site({ atEnd: (end) => t.after(end) }, "localhost", "<!doctype html><title>Other</title>"));
  const before = await deadline(page);
  const extend = (api) => fetch(`${api}/session/extend`, { method: "POST", credentials: "include" }).then(() => "read", String);
  assert.match(await other.evaluate(extend, api), /TypeError/);
  assert.equal(await deadline(page), before);
  await context.close();
});

test("a sibling's script reads why its session is over", async () => {
  const { context, page, api } = await open({ idle: 2 });
  await signIn(page);
  const refused = () => ask(page, "/", PASSIVE).then((answer) => answer.status === 401 && answer);
  const { reason, left } = await until("the session expires", refused);
  assert.deepEqual([reason, left], ["idle_timeout", null]);
  // The refusal of a poll has left the reason for the person, whose refusal removes the cookie.
  assert.equal((await ask(page, "/")).reason, "idle_timeout");
  assert.deepEqual(await context.cookies(api), []);
  assert.equal((await ask(page, "/")).reason, "session_required");
  await context.close();
});
