// Makes the screenshots of the warning in docs/images: `npm run screenshots`.

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { Bank } from "./harness/bank.mjs";
import { launch } from "./harness/chromium.mjs";
import { warned } from "./harness/dialog.mjs";
import { Visitor } from "./harness/visitor.mjs";

const IMAGES = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const POLICY = { idle: "70s", absolute: "10m", warn: "69s" };

await mkdir(IMAGES, { recursive: true });
const bank = await Bank.start({ policy: POLICY });
const browser = await launch();
try {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({
      colorScheme,
      deviceScaleFactor: 2,
      reducedMotion: "reduce",
      viewport: { width: 800, height: 560 },
    });
    const visitor = new Visitor(bank, context);
    const page = await visitor.open("/login");
    await visitor.signIn(page);
    await warned(page);
    await page.waitForFunction(() =>
      /\b58 seconds/.test(document.querySelector("session-timeout").shadowRoot.textContent), null, { timeout: 20_000 });
    const path = `${IMAGES}session-timeout-${colorScheme}.png`;
    await page.screenshot({ path });
    console.log(path);
    await context.close();
  }
} finally {
  await browser.close();
  await bank.remove();
}
