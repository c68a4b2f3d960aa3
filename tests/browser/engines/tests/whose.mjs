// Another session under an open page: somebody else signs in, in the same browser.

import assert from "node:assert/strict";

import { pageShows } from "../../harness/looking.mjs";
import { pass, until } from "../../harness/wait.mjs";
import { scene } from "../scene.mjs";

const CALM = { idle: "10m", absolute: "1h", warn: "1m" };

/** Alice's account page, without the bank's own script, which reloads by itself for another user. */
async function alicesPage(stage) {
  stage.front.answer("/static/bank.js", (_, answer) => answer.writeHead(200, { "content-type": "text/javascript" }).end());
  return stage.signedIn();
}

const loseStream = ({ front }) => front.answer("/session/events", (_, answer) => answer.writeHead(404).end());

/** Gives the browser a session of Bob's, past the component, while Alice's goes on. */
async function becomeBob({ front, bank, page }) {
  const [name] = front.cookie.split("=");
  front.answer("/become-bob", async (_, answer) => {
    const body = new URLSearchParams({ username: "bob", password: "demo-password" });
    const headers = { origin: bank.url, "sec-fetch-site": "same-origin" };
    // Of the login page, which is to see that the browser keeps cookies.
    const cookies = async () => [{ name: `${name}-probe`, value: "1" }];
    const from = await bank.request({ cookies }, "/login", { method: "POST", headers, body });
    answer.writeHead(204, { "set-cookie": from.headers.getSetCookie() }).end();
  });
  await page.evaluate(() => fetch("/become-bob").then(({ status }) => status));
}

const session = (page) => page.evaluate(() => document.querySelector("session-timeout").status?.session ?? null);

/** Records the events of an end in the page, and returns a function that reads their reasons. */
async function noteEnds(page) {
  await page.evaluate(() => {
    window.ends = [];
    document.addEventListener("session-expired", ({ detail }) => window.ends.push(detail.reason));
  });
  return () => page.evaluate(() => window.ends);
}

/** The page is over, and its button leads to Bob's. */
async function assertOver(page, ends) {
  await page.see("::part(sign-in)");
  assert.equal(await pageShows(page), false, "the page shows through");
  assert.equal(await page.evaluate(() => location.pathname), "/", "the page went away, where a reload shows something else");
  assert.deepEqual(await ends(), ["superseded"]);
  assert.equal(await session(page), null);
  await page.click("::part(sign-in)");
  await page.until("it is Bob's page", () => /Signed in as bob/.test(document.body.innerText));
}

const focus = (page) => page.evaluate(() => void window.dispatchEvent(new Event("focus")));

scene("N71: another session, by an answer, ends the page", { policy: CALM }, async (stage) => {
  loseStream(stage);
  const page = await alicesPage(stage);
  const ends = await noteEnds(page);
  await becomeBob(stage);
  await focus(page);
  await assertOver(page, ends);
});

scene("N71: another session, by an event, ends the page", { policy: CALM }, async (stage) => {
  const { front } = stage;
  const page = await alicesPage(stage);
  await until("it listens", () => front.asked("/session/events").some(({ open }) => open));
  const ends = await noteEnds(page);
  await becomeBob(stage);
  // The stream breaks; the browser connects again.
  front.cut();
  front.mend();
  await assertOver(page, ends);
});

scene("N71: another session, by another window, ends the page", { policy: CALM }, async (stage) => {
  loseStream(stage);
  const page = await alicesPage(stage);
  const ends = await noteEnds(page);
  await becomeBob(stage);
  const other = await stage.openWindow();
  await other.goto("/");
  await assertOver(page, ends);
});

/** A count that has not changed for a second: Firefox's page asks once more after it is shown. */
async function settled(count) {
  let before;
  do {
    before = count();
    await pass(1);
  } while (count() !== before);
  return before;
}

scene("N71: late messages of the old session end nobody", { policy: CALM }, async (stage) => {
  const { front } = stage;
  const page = await alicesPage(stage);
  const old = await page.evaluate(() => document.querySelector("session-timeout").status);
  await becomeBob(stage);
  const listened = front.asked("/session/events").length;
  await page.goto("/");
  await page.ready();
  // Without the stream it would ask once more.
  await until("it listens", () => front.asked("/session/events").length > listened);
  assert.notEqual(await session(page), old.session);
  const ends = await noteEnds(page);
  const before = await settled(() => front.asked("/session").length);
  await page.evaluate((old) => {
    const channel = new BroadcastChannel("dwell/session");
    const late = [{ ended: "revoked" }, { closed: true }, { input: 0 }, { status: old }];
    for (const message of late) channel.postMessage({ session: old.session, ...message });
    channel.close();
  }, old);
  await pass(1.5);
  assert.equal(await page.sees("::part(cover)"), false);
  assert.equal(front.asked("/session").length, before, "a late status was not recognized");
  assert.equal(front.asked("/session/activity").length, 0, "another session's input was reported");
  assert.deepEqual(await ends(), []);
  assert.equal((await stage.truth()).alive, true);
});
