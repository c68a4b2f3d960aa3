// Another session under an open page: somebody else signs in, in the same browser.

import assert from "node:assert/strict";

import { cover, covered, part } from "./harness/dialog.mjs";
import { assertCoveredWhole } from "./harness/looking.mjs";
import { scene } from "./harness/scene.mjs";
import { ready } from "./harness/visitor.mjs";
import { pass, until } from "./harness/wait.mjs";

const CALM = { idle: "10m", absolute: "1h", warn: "1m" };

/** Alice's account page, without the bank's own script, which reloads by itself for another user. */
async function alicesPage(stage) {
  const visitor = await stage.visitor({ reducedMotion: "reduce" });
  await visitor.context.route("**/static/bank.js", (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
  const page = await visitor.open("/login");
  await visitor.signIn(page);
  return { visitor, page };
}

/** Gives the browser a session of Bob's, past all of its pages. */
async function becomeBob({ bank, context }) {
  const body = new URLSearchParams({ username: "bob", password: "demo-password" });
  const headers = { origin: bank.url, "sec-fetch-site": "same-origin" };
  // Of the login page, which is to see that the browser keeps cookies.
  const cookies = async () => [{ name: "__Host-session-probe", value: "1" }];
  const answer = await bank.request({ cookies }, "/login", { method: "POST", headers, body });
  const [name, value] = answer.headers.getSetCookie()[0].split(";")[0].split("=");
  const [{ domain, path, httpOnly, secure, sameSite }] = await context.cookies();
  await context.addCookies([{ name, value, domain, path, httpOnly, secure, sameSite }]);
}

const session = (page) => page.evaluate(() => document.querySelector("session-timeout").status?.session);

/** Posts a message as another tab would. */
const post = (page, message) =>
  page.evaluate((message) => {
    const channel = new BroadcastChannel("dwell/session");
    channel.postMessage(message);
    channel.close();
  }, message);

const status = (session, now) =>
  ({ state: "active", session, now, remaining_ms: 60_000, ends_by: "idle_timeout", warn_ms: 1_000, extendable: true });

scene("N71: the end reaches all tabs of the old session", { policy: CALM }, async (stage) => {
  const { visitor, page } = await alicesPage(stage);
  await visitor.loseStream();
  const other = await visitor.open("/");
  await ready(other);
  await becomeBob(visitor);
  await page.evaluate(() => window.dispatchEvent(new Event("focus")));
  for (const alices of [page, other]) {
    await part(alices, "sign-in").waitFor({ state: "visible", timeout: 5_000 });
    await assertCoveredWhole(alices);
  }
});

scene("N71: a message about another session covers until answered", { policy: CALM }, async (stage) => {
  const { visitor, page } = await alicesPage(stage);
  const messenger = await visitor.open("/session-timeout.js");
  let release;
  const released = new Promise((resolve) => (release = resolve));
  await visitor.context.route("**/session", async (route) => {
    await released;
    await route.continue();
  });
  await post(messenger, { session: "00000000000000aa", status: status("00000000000000aa", "9999-11-23T18:00:00.000Z") });
  await covered(page, 2_000);
  release();
  await cover(page).waitFor({ state: "hidden", timeout: 3_000 });
  assert.equal((await visitor.truth()).alive, true);
});

scene("N71: an answer to the session before is not adopted", { policy: CALM }, async (stage) => {
  const { visitor, page } = await alicesPage(stage);
  await visitor.loseStream();
  const old = await session(page);
  let release;
  const released = new Promise((resolve) => (release = resolve));
  // The answer to a question of Alice's comes after Bob has signed in without a new page.
  await visitor.context.route("**/session", async (route) => {
    const response = await route.fetch();
    await released;
    await route.fulfill({ response });
  }, { times: 1 });
  await page.evaluate(() => window.dispatchEvent(new Event("focus")));
  await until("it asks", () => visitor.asked("/session").some(({ open }) => open));
  await becomeBob(visitor);
  await page.evaluate(() => {
    const element = document.querySelector("session-timeout");
    element.remove();
    document.body.append(element);
  });
  const start = Date.now();
  await ready(page);
  assert.ok(Date.now() - start < 3_000, "the old question held up the new one");
  release();
  await pass(0.5);
  assert.notEqual(await session(page), old);
  assert.equal(await cover(page).isVisible(), false);
});
