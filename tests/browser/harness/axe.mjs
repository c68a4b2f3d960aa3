// What axe-core finds, in any browser.

import assert from "node:assert/strict";

const CONTRAST = "color-contrast";

/**
 * Asserts that axe finds nothing. `analyze` runs it, with all rules or with these; `page` has
 * `evaluate`.
 */
export async function assertNothingFound(page, analyze, where, t) {
  const all = await analyze();
  assert.deepEqual(brief(all.violations), [], where);
  assert.ok(all.passes.length > 10, `axe looked at nothing on ${where}`);
  assert.deepEqual(brief(ours(all.incomplete).filter(({ id }) => id !== CONTRAST)), [], `undecided on ${where}`);
  // axe does not know that a modal dialog is above everything, so the page is removed for the check.
  await page.evaluate(() => {
    if (!document.querySelector("session-timeout")?.shadowRoot?.querySelector("dialog[open]")) return;
    for (const element of document.body.children) element.hidden = element.localName !== "session-timeout";
  });
  const contrast = await analyze([CONTRAST]);
  assert.deepEqual(brief([...contrast.violations, ...ours(contrast.incomplete)]), [], `contrast on ${where}`);
  t.diagnostic(`${where}: ${all.passes.length} rules passed, none violated`);
}

const brief = (found) =>
  found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html} ${any[0]?.message}`).join(", ")}`);

/** The findings about the component, including those that axe can't decide. */
const ours = (found) =>
  found
    .map((one) => ({ ...one, nodes: one.nodes.filter(({ target }) => JSON.stringify(target).includes("session-timeout")) }))
    .filter(({ nodes }) => nodes.length > 0);
