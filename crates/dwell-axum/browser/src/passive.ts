// Wraps the page's own `fetch`, once: to read the session's time left from its
// answers, and to mark requests of a hidden page as passive.
import type { markPassive as Declared } from "./api.ts";
import { sending } from "./leaving.ts";

const FIELD = "session-activity";

/** The original `fetch`. */
export let native: typeof fetch | undefined;
let isMarking = false;
let read: ((answer: Response) => void) | undefined;

const wrap = (): void => {
  if (native) return;
  native = window.fetch;
  window.fetch = async (...what) => {
    if (isMarking && document.hidden) {
      // Builds the request as `fetch` does, so no option is lost.
      const request = new Request(...what);
      if (request.url.startsWith(`${location.origin}/`) && !request.headers.has(FIELD)) {
        request.headers.set(FIELD, "passive");
      }
      what = [request];
    }
    const [input, options] = what;
    const answer = (native as typeof fetch)(...what);
    if (!/^(get|head)$/i.test(options?.method ?? (input as Request).method ?? "get")) {
      sending.add(answer);
    }
    answer.then(read).catch(() => {}).finally(() => sending.delete(answer));
    return answer;
  };
};

/** Passes answers to the page's own requests to `reader` from now on. */
export const readAnswers = (reader: (answer: Response) => void): void => {
  read = reader;
  wrap();
};

export const markPassive: typeof Declared = () => {
  isMarking = true;
  wrap();
};
