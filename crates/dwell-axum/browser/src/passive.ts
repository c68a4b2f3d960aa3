// Wraps the page's own `fetch`, once: to read the session's time left from its
// answers, and to mark requests of a hidden page as passive.
import type { markPassive as Declared } from "./api.ts";
import { sending } from "./leaving.ts";

const FIELD = "session-activity";

/** The original `fetch`. */
export let native: typeof fetch | undefined;

/** What is read of an answer. */
export type Answer = Pick<Response, "type" | "status"> & { headers: Pick<Headers, "get"> };

/** What is done with the page's own requests, also with those of `requests.ts`. */
export const requests = {
  sending,
  /** Whether those to the own origin are marked while the page is hidden. */
  isMarking: false,
  /** Handles an answer. */
  read: undefined as ((answer: Answer) => void) | undefined,
};

const wrap = (): void => {
  if (native) return;
  native = window.fetch;
  window.fetch = async (...what) => {
    if (requests.isMarking && document.hidden) {
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
    answer.then(requests.read).catch(() => {}).finally(() => sending.delete(answer));
    return answer;
  };
};

/** Passes answers to the page's own requests to `reader` from now on. */
export const readAnswers = (reader: (answer: Answer) => void): void => {
  requests.read = reader;
  wrap();
};

export const markPassive: typeof Declared = () => {
  requests.isMarking = true;
  wrap();
};
