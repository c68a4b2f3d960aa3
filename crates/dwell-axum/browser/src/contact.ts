// Requests to the server: one question at a time, with growing pauses while no
// usable answer comes.
import { native } from "./passive.ts";
import { type Mark, NEVER, now, since } from "./time.ts";

const ANSWER_MS = 10_000;
/** The least time between two questions. */
const PAUSE_MS = 1_000;
const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 60_000;

/**
 * Receives an answer: the path, when the request was sent, the status (0 without
 * an answer), the body, and the reported input. The time left counts from the
 * request, because an answer may have waited in a sleeping machine. An event has
 * no path, and the status that it stands for. Returns whether the answer was
 * usable.
 */
export type Hear = (
  path: string | undefined,
  from: Mark,
  code: number,
  json: unknown,
  input?: Mark,
) => boolean;

/** The path of the session endpoints. */
export let endpoints: string;
/** Asks for the time of the page's area, too. */
let query: string;
let hear: Hear;
/** Changes when the page begins anew, maybe with another session. */
let beginning = 0;
let asking: Promise<unknown> | undefined;
let asked = NEVER;
let isUnsure = false;
let wait = 0;
let retryAt = NEVER;
let events: EventSource | undefined;
let closed = NEVER;

export const begin = (at: string, policy: string | null, listener: Hear): void => {
  endpoints = at;
  query = policy ? `?${new URLSearchParams({ policy })}` : "";
  hear = listener;
  beginning++;
  asking = undefined;
  asked = NEVER;
  isUnsure = true;
};

/**
 * Gets the status, or with a path sends a `POST`, and passes the answer on.
 * Resolves to whether the answer was usable.
 */
export const call = async (path: string, input?: Mark): Promise<boolean> => {
  const [from, mine] = [now(), beginning];
  let code = 0;
  let json: unknown;
  try {
    const response = await (native as typeof fetch)(endpoints + path + query, {
      method: path ? "POST" : "GET",
      headers: path
        ? { "content-type": "application/json" }
        : { "session-activity": "passive" },
      body: input ? `{"idle_ms":${Math.round(since(input))}}` : null,
      cache: "no-store",
      // Sends the request even while the page is being left.
      keepalive: true,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    code = response.status;
    json = await response.json();
  } catch {
    // No answer, or not in JSON.
  }
  if (mine !== beginning) return false;
  const isUsable = hear(path, from, code, json, input);
  wait = isUsable ? 0 : Math.min(LAST_RETRY_MS, wait * 2 || FIRST_RETRY_MS);
  retryAt = now() + wait;
  return isUsable;
};

/** Asks now, unless a question is in flight. */
export const ask = (): Promise<unknown> => {
  if (!asking) {
    asked = now();
    isUnsure = false;
    asking = call("").finally(() => (asking = undefined));
  }
  return asking;
};

/** Makes the next question due: only the server knows the state now. */
export const beUnsure = (): void => {
  isUnsure = true;
};

/** Asks if a question is due: by `anyway`, by doubt, or as a retry. */
export const askIfDue = (anyway: boolean): void => {
  if (asking || since(asked) < PAUSE_MS) return;
  if (isUnsure || (wait ? now() >= retryAt : anyway)) void ask();
};

/** Opens the server's event stream, unless it failed a short time ago. */
export const open = (): void => {
  if (events || since(closed) < LAST_RETRY_MS) return;
  const source = (events = new EventSource(`${endpoints}/events${query}`));
  const on = (type: string, code: number): void =>
    source.addEventListener(type, async ({ data }) => {
      const json: unknown = await new Response(data).json().catch(() => 0);
      if (!hear(undefined, now(), code, json)) beUnsure();
    });
  on("session-status", 200);
  on("session-warning", 200);
  on("session-expired", 401);
  source.onerror = () => {
    // In other states the browser reconnects automatically.
    if (source.readyState === 2) {
      events = undefined;
      closed = now();
      beUnsure();
    }
  };
};

export const close = (): void => {
  events?.close();
  events = undefined;
};
