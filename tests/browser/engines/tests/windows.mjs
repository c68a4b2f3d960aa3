// Windows and tabs of one browser share one state.

import assert from "node:assert/strict";

import { pass, secondsSince, until } from "../../harness/wait.mjs";
import { scene } from "../scene.mjs";

const SHORT = { idle: "6s", absolute: "10m", warn: "2s" };

/** Two windows, signed in, on the account page. */
async function twoWindows(stage) {
  const first = await stage.signedIn();
  const second = await stage.openWindow();
  await second.goto("/");
  await second.ready();
  return [first, second];
}

scene("two windows share one state", { policy: SHORT }, async (stage) => {
  const pages = await twoWindows(stage);
  const [first, second] = pages;
  const held = () => stage.front.asked("/session/events").filter(({ open }) => open).length;
  await until("one window listens", () => held() === 1);
  // Input in one keeps both.
  const start = Date.now();
  while (secondsSince(start) < 4) {
    await second.press("End");
    await pass(0.2);
    for (const page of pages) assert.equal(await page.sees("::part(dialog)"), false, "a warning in spite of input");
  }
  assert.equal(held(), 1);
  // One answer closes the dialog in both.
  await Promise.all(pages.map((page) => page.warned()));
  await second.click("::part(stay)");
  await Promise.all(pages.map((page) => page.unwarned()));
  assert.equal(stage.front.asked("/session/extend").length, 1);
  // One sign-out ends both.
  await Promise.all(pages.map((page) => page.see("::part(sign-out)")));
  await first.click("::part(sign-out)");
  await Promise.all(pages.map((page) => page.expired("signed_out", 3_000)));
});
