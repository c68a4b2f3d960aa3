// The end of a session while the page is sending something: what the server has admitted is not
// cancelled, and a page that stays has a way on.

import assert from "node:assert/strict";

import { pageShows } from "../../harness/looking.mjs";
import { secondsSince, until } from "../../harness/wait.mjs";
import { scene } from "../scene.mjs";

const SHORT = { idle: "4s", absolute: "10m", warn: "2s" };

/** Signed in, with `/slow`, which answers once `release` is called: `isSent()` is whether the browser got all of it. */
async function withSlow(stage, fields = {}) {
  const { front } = stage;
  let sent;
  front.answer("/slow", (_, answer) => {
    answer.writeHead(200, { "content-type": "text/html", ...fields }).end("<!doctype html><title>Slow</title>done");
    sent = answer;
  });
  const release = front.hold("/slow");
  // A tab may be stuck after a download.
  const page = await stage.openWindow();
  await page.signIn();
  return { page, release, isAsked: () => front.asked("/slow").length > 0, isSent: () => sent?.writableFinished };
}

/** Puts this into the page and clicks on it. */
async function click(page, html) {
  await page.evaluate((html) => document.querySelector("main").insertAdjacentHTML("afterbegin", html), html);
  await page.click("#go");
}

/**
 * Makes the page tell when it is covered in its place, with a button to leave, and returns a function that waits for
 * that. A driver may answer nothing while another page is awaited.
 */
async function noteStay({ front }, page) {
  front.answer("/stays", (_, answer) => answer.writeHead(204).end());
  await page.evaluate(() => {
    const { shadowRoot } = document.querySelector("session-timeout");
    const timer = setInterval(() => {
      if (!shadowRoot.querySelector('dialog[open] [part~="sign-in"]')?.checkVisibility()) return;
      clearInterval(timer);
      // WebKit puts other requests off while another page is awaited.
      void fetch("/stays", { keepalive: true });
    }, 100);
  });
  return () => until("the page stays, covered", () => front.asked("/stays").length > 0, 15_000);
}

scene("N77: “stay” at beforeunload leaves a cover with a button", { policy: SHORT }, async (stage) => {
  const page = await stage.signedIn();
  await page.evaluate(() => addEventListener("beforeunload", (event) => {
    event.preventDefault();
    event.returnValue = "Stay?";
  }));
  // Browsers ask only on a page that was used.
  await page.click('[name="amount"]');
  await page.answerPrompt(false);
  await page.see("::part(sign-in)", 2_500);
  assert.equal(await pageShows(page), false, "the page shows through");
  await Promise.all([page.click("::part(sign-in)"), page.answerPrompt(true)]);
  await page.until("it is the login page", () => location.pathname === "/login");
});

scene("N78: a form that is slow is not cancelled", { policy: SHORT }, async (stage) => {
  const { page, release, isSent } = await withSlow(stage);
  await click(page, '<form method="post" action="/slow"><button id="go">Go</button></form>');
  await until("the session ends", async () => !(await stage.truth()).alive);
  // Longer than the page waits for anything before it leaves.
  const start = Date.now();
  await until("three seconds are over", () => secondsSince(start) > 3);
  release();
  await page.until("the answer is there", () => document.title === "Slow");
  assert.equal(isSent(), true);
  assert.equal(stage.front.asked("/expired").length, 0);
});

scene("N78: a slow download is not cancelled", { policy: SHORT }, async (stage) => {
  const { page, release, isSent } = await withSlow(stage, { "content-disposition": 'attachment; filename="a.txt"' });
  const stays = await noteStay(stage, page);
  await click(page, '<a id="go" href="/slow">Go</a>');
  await stays();
  assert.equal((await stage.truth()).alive, false);
  release();
  await until("the download is sent whole", isSent);
});

/** Starts a request by the page's script, which is no input. */
const send = (page, method) =>
  page.evaluate((method) => {
    fetch("/slow", { method, body: method === "POST" ? "something" : undefined })
      .then(({ status }) => (window.sent = status), (error) => (window.sent = String(error)));
  }, method);

scene("N78: a running fetch with a body keeps the page, covered", { policy: SHORT }, async (stage) => {
  const { page, release } = await withSlow(stage);
  await send(page, "POST");
  await page.see("::part(sign-in)");
  assert.equal(await pageShows(page), false, "the page shows through");
  release();
  await page.until("it gets its answer", () => window.sent === 200);
});

scene("N78: a running fetch that only reads is not waited for", { policy: SHORT }, async (stage) => {
  const { page, isAsked } = await withSlow(stage);
  await page.see("::part(sign-out)");
  await send(page, "GET");
  await until("it is sent", isAsked);
  await page.click("::part(sign-out)");
  await page.expired("signed_out", 2_000);
});
