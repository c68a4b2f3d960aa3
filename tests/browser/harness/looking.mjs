// What somebody who passes by can see of a page, and what a screen reader can say of it.

import assert from "node:assert/strict";

/** Words of the account page that are nobody else's business. */
const PERSONAL = [/signed in as/i, /balance/i, /€/, /send money/i, /messages/i];

// Playwright would else put a style of its own into the page.
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
 * Whether the page below the component shows in any pixel: paints it in other colours and looks
 * whether that changes the picture. The component's own parts are out of reach of such a style.
 */
export async function pageShows(page) {
  const before = await page.screenshot(PLAIN);
  await page.evaluate(RECOLOUR);
  const other = await page.screenshot(PLAIN);
  await page.evaluate(RESTORE);
  // What ticks in between is the component's; then the pictures before and after differ, too.
  const after = await page.screenshot(PLAIN);
  return !other.equals(before) && !other.equals(after);
}

/** All that assistive technology is told. */
export async function spoken(page) {
  const client = await page.context().newCDPSession(page);
  const { nodes } = await client.send("Accessibility.getFullAXTree");
  await client.detach();
  const shown = nodes.filter(({ ignored }) => !ignored);
  // The document's own title names a page that is not on screen.
  const told = shown.filter(({ role }) => role?.value !== "RootWebArea");
  return told.flatMap(({ name, value, description }) => [name, value, description])
    .map((part) => part?.value)
    .filter((text) => typeof text === "string" && text !== "");
}

/** The page is covered: nothing of it is to be seen or heard. */
export async function assertCoveredWhole(page) {
  assert.equal(await pageShows(page), false, "the page shows through");
  await assertNothingPersonal(page);
}

/** Whatever page this is, it says nothing of a person or their account. */
export async function assertNothingPersonal(page) {
  const texts = await spoken(page);
  for (const word of PERSONAL) {
    const found = texts.find((text) => word.test(text));
    assert.equal(found, undefined, `${JSON.stringify(found)} can be read out`);
  }
}
