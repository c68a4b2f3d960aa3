// Another site's page can't keep a user signed in.

import assert from "node:assert/strict";

import { scene } from "./harness/scene.mjs";
import { site } from "./harness/site.mjs";
import { pass, until } from "./harness/wait.mjs";

const CALM = { idle: "20s", absolute: "10m", warn: "2s" };

const ORIGINS = {
  // Another port is another origin, not another site: the cookie is sent.
  "another origin of the same site": { host: "127.0.0.1", cookie: true, statuses: [403] },
  "another site": { host: "localhost", cookie: false, statuses: [401, 403] },
};

/** In the attacker's page: every request that a page can send without permission. */
async function attack(bank) {
  const send = (path, init) =>
    fetch(bank + path, { method: "POST", mode: "no-cors", credentials: "include", ...init }).catch(() => {});
  const body = JSON.stringify({ idle_ms: 0 });
  await send("/session/extend");
  await send("/session/activity", { body });
  await send("/session/activity", { body, headers: { "content-type": "text/plain" } });
  await send("/session/activity", {
    body,
    mode: "cors",
    headers: { "content-type": "application/json" },
  });
  navigator.sendBeacon(`${bank}/session/extend`);
  navigator.sendBeacon(`${bank}/session/activity`, new Blob([body], { type: "text/plain" }));
}

/** The requests on the wire, which the attacker's page can't see: `{path, cookie, status}`. */
async function tap(page) {
  const client = await page.context().newCDPSession(page);
  const seen = new Map();
  const one = (id) => seen.get(id) ?? seen.set(id, {}).get(id);
  client.on("Network.requestWillBeSent", ({ requestId, request }) => {
    Object.assign(one(requestId), { method: request.method, path: new URL(request.url).pathname });
  });
  client.on("Network.requestWillBeSentExtraInfo", ({ requestId, headers }) => {
    one(requestId).cookie = Object.keys(headers).some((name) => name.toLowerCase() === "cookie");
  });
  client.on("Network.responseReceivedExtraInfo", ({ requestId, statusCode }) => {
    one(requestId).status = statusCode;
  });
  await client.send("Network.enable");
  return () => [...seen.values()].filter(({ method, status }) => method === "POST" && status);
}

for (const [name, { host, statuses, cookie }] of Object.entries(ORIGINS)) {
  scene(`${name} posts to extend and activity, and nothing changes`, { policy: CALM }, async (stage) => {
    const { visitor } = await stage.signedIn();
    const { idle_deadline } = await visitor.truth();
    await pass(1);
    const page = await visitor.context.newPage();
    await page.goto(await site(stage, host, "<!doctype html><title>Win a prize</title><body>"));
    const answered = await tap(page);
    await page.evaluate(attack, stage.bank.url);
    const posts = await until("all of it was answered", () => answered().length >= 5 && answered());
    for (const post of posts) {
      assert.ok(statuses.includes(post.status), JSON.stringify(post));
      assert.equal(post.cookie, cookie, JSON.stringify(post));
    }
    assert.equal((await visitor.truth()).idle_deadline, idle_deadline);
  });

  scene(`${name} submits a form to extend, and nothing changes`, { policy: CALM }, async (stage) => {
    const { visitor } = await stage.signedIn();
    const { idle_deadline } = await visitor.truth();
    await pass(1);
    const form = `<!doctype html><form method="post" action="${stage.bank.url}/session/extend"><button>Win</button></form>`;
    const page = await visitor.context.newPage();
    await page.goto(await site(stage, host, form));
    // By keyboard, so that the browser treats it as a navigation by the user.
    await page.focus("button");
    const [answer] = await Promise.all([
      page.waitForResponse((response) => response.request().method() === "POST"),
      page.keyboard.press("Enter"),
    ]);
    assert.ok([401, 403, 303].includes(answer.status()), `answered ${answer.status()}`);
    assert.equal((await visitor.truth()).idle_deadline, idle_deadline);
  });
}

scene("another site's image of an active route is no activity", { policy: CALM }, async (stage) => {
  const { visitor } = await stage.signedIn();
  const { idle_deadline } = await visitor.truth();
  await pass(1);
  const html = `<!doctype html><title>Win a prize</title><img src="${stage.bank.url}/api/balance">`;
  const page = await visitor.context.newPage();
  await page.goto(await site(stage, "localhost", html));
  await until("it was asked for", () => visitor.asked("/api/balance").length > 0);
  await pass(0.5);
  assert.equal((await visitor.truth()).idle_deadline, idle_deadline);
});

scene("the bank's own page may do what other sites may not", { policy: CALM }, async (stage) => {
  const { visitor, page } = await stage.signedIn();
  const { idle_deadline } = await visitor.truth();
  await pass(1);
  await page.evaluate(() => fetch("/session/extend", { method: "POST" }));
  assert.notEqual((await visitor.truth()).idle_deadline, idle_deadline);
});
