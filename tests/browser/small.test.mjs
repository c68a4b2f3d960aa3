// A narrow screen, and one magnified four times.

import assert from "node:assert/strict";

import { adapt, close, cover, covered, dialog, expired, signOut, stay, warned } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";
import { pass } from "./harness/wait.mjs";

const SCREENS = {
  "320 px wide": { viewport: { width: 320, height: 568 } },
  "400 % zoom": { viewport: { width: 320, height: 256 }, deviceScaleFactor: 4 },
};
const EARLY = { idle: "12s", absolute: "10m", warn: "6s" };
const SHORT = { idle: "4s", absolute: "10m", warn: "1s" };
const ABSOLUTE = { idle: "13s", absolute: "14s", warn: "9s" };

async function assertNoSidewaysScrolling(page) {
  const wide = await page.evaluate(() => {
    const root = document.querySelector("session-timeout")?.shadowRoot;
    const boxes = [document.documentElement, ...(root?.querySelectorAll("dialog[open], dialog[open] *") ?? [])];
    return boxes
      // Text for screen readers only is one pixel wide.
      .filter((box) => box.clientWidth > 1 && box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).display !== "inline")
      .map((box) => `${box.localName} ${box.getAttribute("part")}: ${box.scrollWidth} in ${box.clientWidth}`);
  });
  assert.deepEqual(wide, []);
  if ((await dialog(page).count()) === 0) return;
  const box = await dialog(page).boundingBox();
  const { width } = page.viewportSize();
  assert.ok(box.x >= 0 && box.x + box.width <= width, `the dialog is at ${JSON.stringify(box)}`);
}

/** Asserts that the button can be scrolled fully into view, is not covered, and is large enough. */
async function assertReachable(page, button) {
  await button.scrollIntoViewIfNeeded();
  const box = await button.boundingBox();
  const { width, height } = page.viewportSize();
  assert.ok(box, "the button is not there");
  assert.ok(box.x >= 0 && box.x + box.width <= width, `it is at ${JSON.stringify(box)}`);
  assert.ok(box.y >= 0 && box.y + box.height <= height, `it is at ${JSON.stringify(box)}`);
  // WCAG 2.5.8.
  assert.ok(box.width >= 24 && box.height >= 24, `it is ${box.width} by ${box.height}`);
  await button.click({ trial: true, timeout: 5_000 });
}

for (const [screen, options] of Object.entries(SCREENS)) {
  for (const lang of ["en", "de", "fr"]) {
    scene(`the warning at ${screen}, ${lang}`, { policy: EARLY }, async (stage) => {
      const visitor = await stage.visitor(options);
      await adapt(visitor.context, (element, lang) => element.setAttribute("lang", lang), lang);
      const page = await visitor.open("/login");
      await visitor.signIn(page);
      await warned(page);
      await assertNoSidewaysScrolling(page);
      await assertReachable(page, stay(page));
      await assertReachable(page, signOut(page));
    });
  }

  scene(`the notice that can't be answered at ${screen}`, { policy: ABSOLUTE }, async (stage) => {
    const { page } = await stage.signedIn(options);
    await pass(1.2);
    await page.locator('[name="amount"]').press("End");
    await close(page).waitFor({ state: "visible", timeout: 12_000 });
    await assertNoSidewaysScrolling(page);
    await assertReachable(page, close(page));
    await assertReachable(page, signOut(page));
  });

  scene(`the cover and the expired page at ${screen}`, { policy: SHORT, link: true }, async (stage) => {
    const { visitor, page } = await stage.signedIn(options);
    await stage.link.cut(visitor);
    await covered(page, 8_000);
    await assertNoSidewaysScrolling(page);
    const box = await cover(page).boundingBox();
    const { width, height } = page.viewportSize();
    assert.ok(box.x >= 0 && box.y < height && box.x + box.width <= width, JSON.stringify(box));
    await stage.link.mend(visitor);
    await expired(page, "idle_timeout");
    await assertNoSidewaysScrolling(page);
    await assertReachable(page, page.getByRole("link", { name: "Sign in again" }));
  });
}
