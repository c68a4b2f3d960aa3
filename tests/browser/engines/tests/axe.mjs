// axe-core finds no violations in any engine.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { assertNothingFound } from "../../harness/axe.mjs";
import { scene } from "../scene.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function assertNothing(page, where, t) {
  await page.inject(AXE);
  const analyze = (rules) => page.evaluate((rules) => axe.run(document, rules ? { runOnly: rules } : {}), rules ?? null);
  await assertNothingFound(page, analyze, where, t);
}

const SHORT = { idle: "4s", absolute: "10m", warn: "2s" };
const EARLY = { idle: "10s", absolute: "10m", warn: "5s" };

scene("axe: the warning, light", { policy: EARLY }, async (stage, t) => {
  const page = await stage.signedIn();
  await page.see("::part(stay)");
  await assertNothing(page, "the warning, light", t);
  await page.of("::part(dialog)", (dialog) => dialog.append(document.createElement("button")));
  await assert.rejects(assertNothing(page, "a planted fault", t), /button-name/);
});

scene("axe: the warning, dark", { policy: EARLY }, async (stage, t) => {
  const page = await stage.signedIn();
  await page.see("::part(stay)");
  // Not every engine can change the system's colours while it runs.
  await page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("session-timeout::part(dialog) { color-scheme: dark; }");
    document.adoptedStyleSheets = [sheet];
  });
  await assertNothing(page, "the warning, dark", t);
});

scene("axe: the cover and the expired page", { policy: SHORT }, async (stage, t) => {
  stage.front.answer("/session/events", (_, answer) => answer.writeHead(404).end());
  const page = await stage.signedIn();
  const release = stage.front.hold("/session");
  await page.see("::part(cover)");
  await assertNothing(page, "the cover", t);
  release();
  await page.expired("idle_timeout");
  await page.see("main");
  await assertNothing(page, "the expired page", t);
});
