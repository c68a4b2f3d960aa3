// The end of a session: nothing of the account is visible any more, and the reason is shown.

import assert from "node:assert/strict";

import { pageShows } from "../../harness/looking.mjs";
import { until } from "../../harness/wait.mjs";
import { scene } from "../scene.mjs";

const SHORT = { idle: "4s", absolute: "10m", warn: "2s" };

scene("the page is covered at the end, then says why", { policy: SHORT }, async (stage) => {
  // Without the server's word, by the page's own count.
  stage.front.answer("/session/events", (_, answer) => answer.writeHead(404).end());
  const page = await stage.signedIn();
  assert.equal(await pageShows(page), true, "the check sees no page where there is one");
  const release = stage.front.hold("/session");
  await page.see("::part(cover)");
  assert.equal(await pageShows(page), false, "the page shows through");
  assert.equal(await page.sees("main"), false, "the page would be printed");
  release();
  await page.expired("idle_timeout");
  await page.until("it says why", () => /nothing happened for a while/.test(document.querySelector("main")?.innerText));
  assert.deepEqual(await stage.truth(), { alive: false, reason: "idle_timeout" });
});

scene("“back” after the end shows no account data", { policy: SHORT }, async (stage, t) => {
  stage.front.page("/elsewhere", "<!doctype html><title>Elsewhere</title>");
  const page = await stage.signedIn();
  await page.goto("/elsewhere");
  await until("the session ends", async () => !(await stage.truth()).alive);
  await page.evaluate(() => history.back());
  // Loaded again, it is the login page. From the engine's cache, it is covered, or goes on.
  await page.arrives("a page of the bank", ({ pathname }) => pathname !== "/elsewhere");
  await page.until("it says why", () => {
    const { pathname } = location;
    const dialog = document.querySelector("session-timeout").shadowRoot?.querySelector("dialog[open]");
    if (dialog) return dialog.part.contains("cover") && dialog.innerText.includes("Inactive for too long");
    return pathname !== "/" && document.querySelector("main").innerText.includes("nothing happened for a while");
  });
  t.diagnostic(stage.front.asked("/").length > 1 ? "the page was loaded again" : "the page came from the cache");
});
