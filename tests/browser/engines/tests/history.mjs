// What a browser keeps: pages that it shows without asking the server, and storage.

import assert from "node:assert/strict";

import { pageShows } from "../../harness/looking.mjs";
import { scene } from "../scene.mjs";

const CALM = { idle: "10m", absolute: "1h", warn: "1m" };

/** A page that the browser may keep, made for this session. */
const kept = (session) => `<!doctype html><html lang="en"><title>Kept</title>
  <script type="module" src="/session-timeout.js"></script>
  <body><session-timeout login="/expired" session="${session}"></session-timeout><h1>Balance: 10 €</h1>`;

/**
 * The first window on a page that the browser may keep. Firefox under its driver keeps a file of it, WebKit the whole
 * page, and Chromium what `isWhole` says.
 */
async function onKeptPage(stage, isWhole) {
  const { front } = stage;
  front.answer("/session/events", (_, answer) => answer.writeHead(404).end());
  const page = await stage.signedIn();
  const { session } = await stage.truth();
  front.page("/kept", kept(session), { "cache-control": "private, max-age=600" });
  front.page("/elsewhere", "<!doctype html><title>Elsewhere</title>");
  await page.goto("/kept");
  await page.ready();
  await page.evaluate((isWhole) => {
    addEventListener("pageshow", ({ persisted }) => (window.persisted = persisted));
    // Chromium keeps no whole page that listens for this.
    if (!isWhole) addEventListener("unload", () => {});
  }, isWhole);
  return page;
}

/** Goes back to the kept page, without asking the server for it. */
async function goBack({ front }, page, t, steps = 1) {
  await page.evaluate((steps) => void history.go(-steps), steps);
  await page.until("it is back", () => document.title === "Kept" && document.readyState === "complete");
  assert.equal(front.asked("/kept").length, 1, "the server was asked for the page");
  t.diagnostic((await page.evaluate(() => window.persisted)) ? "kept as a whole" : "kept as a file");
}

async function assertCovered(page) {
  await page.see("::part(cover)");
  assert.equal(await pageShows(page), false, "the page shows through");
}

/** Ends the session, past the browser. */
async function end({ bank, front }) {
  const headers = { cookie: front.cookie, origin: bank.url, "sec-fetch-site": "same-origin" };
  const none = { cookies: async () => [] };
  const { status } = await bank.request(none, "/session/end", { method: "POST", headers });
  assert.equal(status, 204);
}

for (const [how, isWhole] of [["a whole page kept", true], ["a cached file", false]]) {
  scene(`“back” to ${how} is covered until answered`, { policy: CALM }, async (stage, t) => {
    const page = await onKeptPage(stage, isWhole);
    await page.goto("/elsewhere");
    const release = stage.front.hold("/session");
    await goBack(stage, page, t);
    await assertCovered(page);
    release();
    await page.unwarned();
    assert.equal(await pageShows(page), true);
  });
}

scene("“back” to a kept page after the end shows no account", { policy: CALM }, async (stage, t) => {
  const page = await onKeptPage(stage, true);
  await page.goto("/elsewhere");
  await end(stage);
  const release = stage.front.hold("/session");
  await goBack(stage, page, t);
  await assertCovered(page);
  release();
  await page.expired("signed_out");
});

scene("a kept page that names its session shows in no other", { policy: CALM }, async (stage, t) => {
  const page = await onKeptPage(stage, false);
  await page.signIn("bob");
  await goBack(stage, page, t, 2);
  await page.see("::part(sign-in)");
  assert.equal(await pageShows(page), false, "the page shows through");
});

scene("a private window has no session of the others", { policy: CALM }, async (stage) => {
  const { front } = stage;
  const page = await stage.signedIn();
  const twin = await stage.openPrivate();
  const before = front.asked("/").length;
  // The address of the other window's page.
  await twin.goto("/");
  assert.equal(front.asked("/")[before]?.headers.cookie, undefined);
  assert.equal(front.asked("/").length, before + 1, "the server was not asked");
  await twin.arrives("the login page", ({ pathname }) => pathname === "/login");
  assert.equal(await twin.evaluate(() => document.querySelector("session-timeout")?.status ?? null), null);
  assert.doesNotMatch(await twin.evaluate(() => document.body.innerText), /signed in as|€/i);
  // Its own session, and the end of that, are nothing to the others.
  await twin.signIn("bob");
  await twin.evaluate(() => document.querySelector("session-timeout").signOut());
  await twin.expired("signed_out");
  assert.equal(await page.sees("::part(dialog)"), false);
  assert.equal(await page.evaluate(() => document.querySelector("session-timeout").status.state), "active");
});

scene("the component stores nothing, and signing out clears the rest", {
  policy: { idle: "6s", absolute: "10m", warn: "2s" },
}, async (stage) => {
  const page = await onKeptPage(stage, true);
  await page.see("::part(stay)");
  await page.click("::part(stay)");
  await page.unwarned();
  const stored = async () => {
    const databases = (await indexedDB.databases()).length + (await caches.keys()).length;
    return [localStorage.length, sessionStorage.length, databases, document.cookie];
  };
  assert.deepEqual(await page.evaluate(stored), [0, 0, 0, ""]);
  await page.evaluate(() => localStorage.setItem("draft", "private"));
  await page.evaluate(() => document.querySelector("session-timeout").signOut());
  await page.expired("signed_out");
  assert.equal(await page.evaluate(() => localStorage.getItem("draft")), null);
});
