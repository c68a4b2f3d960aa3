// The page's own `fetch`, wrapped once: to read what its answers say of the
// session, and to mark what a hidden page asks for by itself as passive.
import type { markPassive as Declared } from "./api.ts";

const FIELD = "session-activity";

/** `fetch` as it was before. */
export let native: typeof fetch | undefined;
let isMarking = false;
let read: ((answer: Response) => void) | undefined;

const wrap = (): void => {
  if (native) return;
  native = window.fetch;
  window.fetch = async (...what) => {
    if (isMarking && document.hidden) {
      // What `fetch` itself makes of the two, so nothing of them is lost.
      const request = new Request(...what);
      if (request.url.startsWith(`${location.origin}/`) && !request.headers.has(FIELD)) {
        request.headers.set(FIELD, "passive");
      }
      what = [request];
    }
    const answer = (native as typeof fetch)(...what);
    answer.then(read).catch(() => {});
    return answer;
  };
};

/** Has the answers to the page's own requests read from now on. */
export const readAnswers = (reader: (answer: Response) => void): void => {
  read = reader;
  wrap();
};

export const markPassive: typeof Declared = () => {
  isMarking = true;
  wrap();
};
