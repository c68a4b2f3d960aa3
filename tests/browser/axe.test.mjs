// axe-core finds nothing to object to, light or dark.

import assert from "node:assert/strict";

import AxeBuilder from "@axe-core/playwright";

import { close, covered, expired, warned } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";
import { pass } from "./harness/wait.mjs";

const SCHEMES = ["light", "dark"];
const EARLY = { idle: "20s", absolute: "10m", warn: "18s" };
const SHORT = { idle: "4s", absolute: "10m", warn: "1s" };
const ABSOLUTE = { idle: "19s", absolute: "20s", warn: "16s" };

async function assertNothing(page, where, t) {
  const results = await new AxeBuilder({ page }).setLegacyMode().analyze();
  const brief = (found) => found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  assert.deepEqual(brief(results.violations), [], where);
  assert.ok(results.passes.length > 10, `axe looked at nothing on ${where}`);
  // What axe could not decide is a finding, too, if it is about the component.
  const ours = results.incomplete
    .map((found) => ({ ...found, nodes: found.nodes.filter(({ target }) => JSON.stringify(target).includes("session-timeout")) }))
    .filter(({ nodes }) => nodes.length > 0);
  assert.deepEqual(brief(ours), [], `undecided on ${where}`);
  t.diagnostic(`${where}: ${results.passes.length} rules passed, none violated`);
}

for (const colorScheme of SCHEMES) {
  scene(`axe: the warning, ${colorScheme}`, { policy: EARLY }, async (stage, t) => {
    const { page } = await stage.signedIn({ colorScheme, reducedMotion: "reduce" });
    await warned(page);
    await assertNothing(page, `the warning, ${colorScheme}`, t);
  });

  scene(`axe: the warning that can't be answered, ${colorScheme}`, { policy: ABSOLUTE }, async (stage, t) => {
    const { page } = await stage.signedIn({ colorScheme, reducedMotion: "reduce" });
    await pass(1.2);
    await page.locator('[name="amount"]').press("End");
    await close(page).waitFor({ state: "visible", timeout: 5_000 });
    await assertNothing(page, `the notice, ${colorScheme}`, t);
  });

  scene(`axe: the cover and the expired page, ${colorScheme}`, { policy: SHORT, link: true }, async (stage, t) => {
    const { visitor, page } = await stage.signedIn({ colorScheme, reducedMotion: "reduce" });
    await stage.link.cut(visitor);
    await covered(page, 8_000);
    await assertNothing(page, `the cover, ${colorScheme}`, t);
    await stage.link.mend(visitor);
    await expired(page, "idle_timeout");
    await assertNothing(page, `the expired page, ${colorScheme}`, t);
  });
}

scene("axe finds a fault that is there", { policy: EARLY }, async (stage, t) => {
  const { page } = await stage.signedIn({ reducedMotion: "reduce" });
  await warned(page);
  await page.evaluate(() => {
    const root = document.querySelector("session-timeout").shadowRoot;
    root.querySelector('[part~="stay"]').textContent = "";
  });
  await assert.rejects(assertNothing(page, "the broken warning", t), /button-name/);
});
