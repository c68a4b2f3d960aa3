// What a passer-by can see of a page, and what a screen reader can read.

import assert from "node:assert/strict";

/** Private words of the account page. */
const PERSONAL = [/signed in as/i, /balance/i, /€/, /send money/i, /messages/i];

// Otherwise Playwright would add a style to the page.
const PLAIN = { caret: "initial", animations: "allow" };

const RECOLOUR = () => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("body, body * { color: red !important; background: lime !important; }");
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
};
const RESTORE = () => {
  document.adoptedStyleSheets = document.adoptedStyleSheets.slice(0, -1);
};

/**
 * Returns whether any pixel shows the page below the component: paints the page in other colours
 * and compares screenshots. Such a style does not reach the component's parts.
 */
export async function pageShows(page) {
  const before = await page.screenshot(PLAIN);
  await page.evaluate(RECOLOUR);
  const other = await page.screenshot(PLAIN);
  await page.evaluate(RESTORE);
  // If the component ticks meanwhile, the screenshots before and after differ, too.
  const after = await page.screenshot(PLAIN);
  return !other.equals(before) && !other.equals(after);
}

/** All text for assistive technology. */
export async function spoken(page) {
  const client = await page.context().newCDPSession(page);
  const { nodes } = await client.send("Accessibility.getFullAXTree");
  await client.detach();
  const shown = nodes.filter(({ ignored }) => !ignored);
  // The document's title names a page that is not on screen.
  const told = shown.filter(({ role }) => role?.value !== "RootWebArea");
  return told.flatMap(({ name, value, description }) => [name, value, description])
    .map((part) => part?.value)
    .filter((text) => typeof text === "string" && text !== "");
}

/** Asserts that the page is covered: nothing of it is visible or readable. */
export async function assertCoveredWhole(page) {
  assert.equal(await pageShows(page), false, "the page shows through");
  await assertNothingPersonal(page);
}

/** Asserts that the page shows nothing of a user or an account. */
export async function assertNothingPersonal(page) {
  const texts = await spoken(page);
  for (const word of PERSONAL) {
    const found = texts.find((text) => word.test(text));
    assert.equal(found, undefined, `${JSON.stringify(found)} can be read out`);
  }
}
