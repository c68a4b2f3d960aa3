// Firefox, by puppeteer-core over WebDriver BiDi.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { Browser, createProfile } from "@puppeteer/browsers";
import puppeteer from "puppeteer-core";

import { Group } from "../harness/group.mjs";
import { until } from "../harness/wait.mjs";
import { Tab } from "./tab.mjs";

export const name = "Firefox";

/** The cookies that it takes over http from this machine, by name: see `tests/cookies.mjs`. */
export const cookies = ["__Host-secure", "secure", "plain"];

const PROGRAM = process.env.DWELL_FIREFOX ?? "/usr/bin/firefox-esr";

/** The values of this preference. */
const [DARK, LIGHT] = [0, 1];

export async function launch({ isDark = false } = {}) {
  const preferences = {
    "layout.css.prefers-color-scheme.content-override": isDark ? DARK : LIGHT,
    "ui.prefersReducedMotion": 1,
  };
  const group = await Group.start(PROGRAM, async (profile) => {
    await createProfile(Browser.FIREFOX, { path: profile, preferences });
    // The crash reporter would be outside the group.
    const env = { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: "1" };
    return [["--headless", "--profile", profile, "--remote-debugging-port=0", "about:blank"], { env }];
  });
  try {
    return await connect(group);
  } catch (error) {
    await group.end();
    throw error;
  }
}

async function connect(group) {
  const file = join(group.folder, "WebDriverBiDiServer.json");
  const text = await until("Firefox listens", () => readFile(file, "utf8").catch(() => ""), 30_000);
  const { ws_host, ws_port } = JSON.parse(text);
  const browserWSEndpoint = `ws://${ws_host}:${ws_port}/session`;
  const browser = await puppeteer.connect({ browserWSEndpoint, protocol: "webDriverBiDi", defaultViewport: null });
  const messages = [];
  const adopt = (page) => {
    page.on("console", (message) => messages.push({ type: message.type(), text: message.text() }));
    page.on("pageerror", (error) => {
      // Firefox's own complaints, such as a rejected cookie, come from no line of a script.
      const type = /\n\s+at /.test(error.stack) ? "uncaught" : "error";
      messages.push({ type, text: String(error) });
    });
    return new FirefoxTab(page);
  };
  // The first tab has no focus, and without focus a key presses no button.
  const [unfocused] = await browser.pages();
  const first = await browser.newPage();
  await unfocused.close();
  return {
    version: (await browser.version()).replace("firefox/", ""),
    first: adopt(first),
    openWindow: async () => adopt(await browser.newPage({ type: "window" })),
    openHidden: async () => adopt(await browser.newPage({ type: "tab", background: true })),
    // A container, which is separated as a private window is; the driver opens no private windows.
    openPrivate: async () => adopt(await (await browser.createBrowserContext()).newPage()),
    /** The tab that opens while this is done. */
    opened: async (deed) => {
      const opening = new Promise((resolve) => browser.once("targetcreated", resolve));
      await deed();
      return adopt(await (await opening).page());
    },
    messages,
    group,
    end: () => group.end(),
  };
}

class FirefoxTab extends Tab {
  async press(key) {
    const [last, ...held] = key.split("+").reverse();
    for (const one of held) await this.page.keyboard.down(one);
    await this.page.keyboard.press(last);
    for (const one of held) await this.page.keyboard.up(one);
  }

  async screenshot() {
    return Buffer.from(await this.page.screenshot());
  }

  resize(width, height) {
    return this.page.setViewport({ width, height });
  }
}
