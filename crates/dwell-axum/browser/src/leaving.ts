// What going to another page would cancel: a page or a download that the user has
// asked for, and requests of the page that may change something.
import { type Mark, NEVER, now, since } from "./time.ts";

/** How long the next page, or a download, may take to begin. */
const LEAVING_MS = 600_000;

/** The page's requests under way that may change something. */
export const sending = new Set<Promise<unknown>>();

/** When the page last asked for another one, or for a download. */
let asked: Mark = NEVER;

export const isBusy = (): boolean => sending.size > 0 || since(asked) < LEAVING_MS;

/** The browser has brought the page back. */
export const cameBack = (): void => {
  asked = NEVER;
};

export const listenForLeaving = (): void => {
  const note = (): void => {
    asked = now();
  };
  addEventListener("beforeunload", note);
  addEventListener("submit", ({ target, defaultPrevented }) => {
    // Into a frame, of which this page's `beforeunload` does not tell.
    if ((target as HTMLFormElement).target && !defaultPrevented) note();
  });
  window.navigation?.addEventListener("navigate", ({ downloadRequest }) => {
    if (downloadRequest !== null) note();
  });
};
