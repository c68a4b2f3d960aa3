// Makes the screenshots of the warning in docs/images, in every engine: `npm run screenshots`.

import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import * as chromium from "./engines/chromium.mjs";
import * as firefox from "./engines/firefox.mjs";
import { Page } from "./engines/page.mjs";
import * as webkit from "./engines/webkit.mjs";
import { Bank } from "./harness/bank.mjs";

const IMAGES = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const POLICY = { idle: "70s", absolute: "10m", warn: "35s" };

// WebKit takes no other cookie.
const bank = await Bank.start({ policy: POLICY, args: ["--insecure-plain-http-cookie"] });
try {
  const all = [chromium, firefox, webkit].flatMap((engine) => [false, true].map((isDark) => take(engine, isDark)));
  await Promise.all(all);
} finally {
  await bank.remove();
}

async function take({ name, launch }, isDark) {
  const browser = await launch({ isDark });
  try {
    const page = new Page(browser.first, bank.url);
    await page.resize(640, 440);
    await page.signIn();
    await page.until("34 seconds are left", () => {
      const dialog = document.querySelector("session-timeout").shadowRoot.querySelector("dialog[open]");
      return dialog?.innerText.includes("34 seconds");
    }, [], 60_000);
    const path = `${IMAGES}session-timeout-${name.toLowerCase()}-${isDark ? "dark" : "light"}.png`;
    await writeFile(path, await page.screenshot());
    console.log(path);
  } finally {
    await browser.end();
  }
}
