// Chromium, by playwright-core: a window and its tabs as in normal use.

import { launchAsIs } from "../harness/chromium.mjs";
import { Tab } from "./tab.mjs";

export const name = "Chromium";

/** The cookies that it takes over http from this machine, by name: see `tests/cookies.mjs`. */
export const cookies = ["__Host-secure", "secure", "plain"];

export async function launch({ isDark = false } = {}) {
  const { context, group, end } = await launchAsIs();
  const browser = context.browser();
  const session = await browser.newBrowserCDPSession();
  const messages = [];
  context.on("console", (message) => messages.push({ type: message.type(), text: message.text() }));
  context.on("weberror", (error) => messages.push({ type: "uncaught", text: String(error.error()) }));
  const adopt = async (page) => {
    await page.emulateMedia({ colorScheme: isDark ? "dark" : "light", reducedMotion: "reduce" });
    return new ChromiumTab(page);
  };
  /** The tab that opens while this is done. */
  const opened = async (deed) => {
    const opening = context.waitForEvent("page");
    await deed();
    return adopt(await opening);
  };
  const open = (target) => opened(() => session.send("Target.createTarget", { url: "about:blank", ...target }));
  return {
    version: browser.version(),
    first: await adopt(context.pages()[0]),
    openWindow: () => open({ newWindow: true }),
    openHidden: () => open({ background: true }),
    openPrivate: async () => adopt(await (await browser.newContext()).newPage()),
    opened,
    messages,
    group,
    end,
  };
}

class ChromiumTab extends Tab {
  press(key) {
    return this.page.keyboard.press(key);
  }

  async compose(text) {
    const client = await this.page.context().newCDPSession(this.page);
    await client.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
    await client.detach();
  }

  screenshot() {
    return this.page.screenshot({ caret: "initial", animations: "allow" });
  }

  resize(width, height) {
    return this.page.setViewportSize({ width, height });
  }
}
