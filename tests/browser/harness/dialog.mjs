// The component from outside: by its parts, which are its public interface.

import assert from "node:assert/strict";

export const part = (page, name) => page.locator(`session-timeout [part~="${name}"]`);
export const stay = (page) => part(page, "stay");
export const signOut = (page) => part(page, "sign-out");
export const close = (page) => part(page, "close");
export const cover = (page) => part(page, "cover");
export const dialog = (page) => page.locator("session-timeout dialog[open]");

/** Waits for the warning. */
export async function warned(page, timeout = 15_000) {
  await stay(page).or(close(page)).first().waitFor({ state: "visible", timeout });
}

/** Waits until no warning is open. */
export async function unwarned(page, timeout = 2_000) {
  await dialog(page).waitFor({ state: "hidden", timeout });
}

export async function covered(page, timeout = 15_000) {
  await cover(page).waitFor({ state: "visible", timeout });
}

/** Waits for the expired page, and asserts its reason. */
export async function expired(page, reason, timeout = 15_000) {
  await page.waitForURL((url) => url.pathname === "/expired", { timeout });
  assert.equal(new URL(page.url()).searchParams.get("reason"), reason);
}

/** The seconds that the dialog shows. */
export async function secondsShown(page) {
  const text = await dialog(page).innerText();
  const match = /(\d+) seconds?/.exec(text);
  assert.ok(match, `no seconds in ${JSON.stringify(text)}`);
  return Number(match[1]);
}

/** Reads the seconds, and asserts that they match the server's. */
export async function assertSecondsRight(page, visitor) {
  const before = await visitor.truth();
  const shown = await secondsShown(page);
  const after = await visitor.truth();
  // The number is rounded up, and changes every second.
  const isRight = shown * 1000 > after.remaining_ms - 300 && shown * 1000 < before.remaining_ms + 1_300;
  assert.ok(isRight, `${shown} s shown; ${before.remaining_ms} ms left before, ${after.remaining_ms} ms after`);
  return shown;
}

/** Stops the page's clock, which must be installed. */
export async function stopClock(page) {
  for (let ahead = 100; ; ahead *= 2) {
    try {
      return await page.clock.pauseAt(await page.evaluate((ahead) => Date.now() + ahead, ahead));
    } catch (error) {
      // The clock has advanced meanwhile.
      if (ahead > 2_000 || !/to the past/.test(error.message)) throw error;
    }
  }
}

/** The dialog's part with the focus; else the page's element with the focus. */
export function focus(page) {
  return page.evaluate(() => {
    const outer = document.activeElement;
    const inner = outer?.shadowRoot?.activeElement;
    if (inner) return inner.getAttribute("part") ?? inner.localName;
    return `page: ${outer?.getAttribute("name") ?? outer?.localName}`;
  });
}

/** Records the component's events, and returns a function that reads them. */
export async function listen(page) {
  await page.evaluate(() => {
    window.heard = [];
    for (const type of ["session-warning", "session-extended", "session-expired"]) {
      document.addEventListener(type, ({ detail }) => {
        const { reason, remaining_ms, extendable } = detail ?? {};
        window.heard.push({ type, reason, remaining_ms, extendable });
      });
    }
  });
  return () => page.evaluate(() => window.heard);
}

/**
 * Records in the page when the component reports the end, and returns a function that reads it,
 * also from the next page: the date in milliseconds; 0 before.
 */
export async function noteEnd(page) {
  await page.evaluate(() =>
    document.addEventListener("session-expired", () => sessionStorage.setItem("over", String(Date.now()))));
  return () => page.evaluate(() => Number(sessionStorage.getItem("over")));
}

/**
 * Changes the element before the component's script runs. `change` runs in the page with the
 * element and the argument. `where` is a context or a page.
 */
export async function adapt(where, change, argument = null) {
  // As source text, because the page's policy forbids making functions from strings.
  const content = `new MutationObserver((_, observer) => {
    const element = document.querySelector("session-timeout");
    if (!element) return;
    observer.disconnect();
    (${change})(element, ${JSON.stringify(argument)});
  }).observe(document, { childList: true, subtree: true });`;
  await where.addInitScript({ content });
}
