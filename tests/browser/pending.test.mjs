// The end of a session while the page is sending something: what the server has admitted is not
// cancelled, and a page that stays has a way on.

import assert from "node:assert/strict";

import { expired, part, signOut, warned } from "./harness/dialog.mjs";
import { assertCoveredWhole } from "./harness/looking.mjs";
import { putSlow } from "./harness/proxy.mjs";
import { scene } from "./harness/scene.mjs";
import { secondsSince, until } from "./harness/wait.mjs";

const SHORT = { idle: "8s", absolute: "10m", warn: "2s" };
const LONG_S = 12;

/** Signed in, with a slow answer; see `putSlow`. */
async function withSlow(stage, seconds, headers) {
  const { outcome } = await putSlow(stage, seconds, {
    fields: { "content-type": "text/html", ...headers },
    // The bank has no frames; other applications do.
    alter: (fields) => delete fields["content-security-policy"],
  });
  return { ...await stage.signedIn({ reducedMotion: "reduce" }), outcome };
}

/** Puts this into the page and clicks on it, as its only input. */
async function click(page, html) {
  await page.evaluate((html) => document.querySelector("main").insertAdjacentHTML("afterbegin", html), html);
  await page.locator("#go").click({ noWaitAfter: true });
}

const again = (page) => part(page, "sign-in");

/** The page is covered in its place, with a button to leave. */
async function assertStays(page) {
  await again(page).waitFor({ state: "visible", timeout: 15_000 });
  assert.equal(new URL(page.url()).pathname, "/");
}

scene("N78: a form that takes 12 seconds is not cancelled", { policy: SHORT }, async (stage) => {
  const { visitor, page, outcome } = await withSlow(stage, LONG_S);
  await click(page, '<form method="post" action="/slow"><button id="go">Go</button></form>');
  assert.equal(await outcome, true);
  assert.equal((await visitor.truth()).alive, false);
  await page.waitForURL((url) => url.pathname === "/slow");
  assert.equal(visitor.asked("/expired").length, 0);
});

scene("N78: a form into a frame is not cancelled", { policy: SHORT }, async (stage) => {
  const { page, outcome } = await withSlow(stage, LONG_S);
  await click(page, '<iframe name="result"></iframe><form method="post" action="/slow" target="result"><button id="go">Go</button></form>');
  await assertStays(page);
  assert.equal(await outcome, true);
});

scene("N78: a slow download by its link is not cancelled", { policy: SHORT }, async (stage) => {
  const { page } = await withSlow(stage, LONG_S, { "content-disposition": 'attachment; filename="a.txt"' });
  const arriving = page.waitForEvent("download", { timeout: 20_000 });
  await click(page, '<a id="go" href="/slow" download>Go</a>');
  assert.equal(await (await arriving).failure(), null);
  await assertStays(page);
});

/** Starts a request by the page's script, which is no input. */
const send = (page, method) =>
  page.evaluate((method) => {
    window.sent = fetch("/slow", { method, body: method === "POST" ? "something" : undefined }).then(({ status }) => status, String);
  }, method);

scene("N78: a fetch that is nearly done is waited for", { policy: SHORT }, async (stage, t) => {
  const { page, outcome } = await withSlow(stage, 1.5);
  await warned(page);
  await send(page, "POST");
  const start = Date.now();
  await signOut(page).click();
  await expired(page, "signed_out");
  t.diagnostic(`left ${secondsSince(start).toFixed(1)} s after the request of 1.5 s was sent`);
  assert.equal(await outcome, true);
});
