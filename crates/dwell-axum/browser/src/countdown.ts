// How long the session still lives, by the server's last word and the time that
// has passed since. Never by the client's date.
import type { SessionStatus } from "./api.ts";
import { type Mark, NEVER, now, since } from "./time.ts";

/** WCAG 2.2.1: the user has at least 20 seconds to answer. */
const LEAST_WARNING_MS = 20_000;

/** `Date` has whole seconds only. */
const DATE_MS = 1_000;

/** What is taken for granted while there is no status but the time left. */
const UNTOLD = {
  state: "active",
  warn_ms: 0,
  granularity_ms: 15_000,
  extendable: false,
  ends_by: "idle_timeout",
} as const;

/** What the server said last; nothing before a live session was seen, when only
    `status` may be asked for. */
let known: SessionStatus | undefined;
/** When it was so; and when the server last said so exactly. */
let at: Mark;
let heard: Mark;
let largest = 0;
/** By the server's clock, when it said so. */
let dated: number;

export const forget = (): void => {
  known = undefined;
  largest = 0;
};

export const left = (): number => known!.remaining_ms - since(at);

/** How long ago the server's last exact word is. */
export const age = (): number => since(heard);

/** A frozen copy as of now. */
export const status = (): SessionStatus | undefined =>
  known && Object.freeze({ ...known, remaining_ms: Math.max(0, Math.round(left())) });

/** The user is warned when so much is left. */
export const warnAt = (): number =>
  Math.max(known!.warn_ms, Math.min(LEAST_WARNING_MS, largest / 2));

/**
 * Takes over a status that is as of `from`. One that the server made earlier
 * and that comes late does not replace a newer one.
 */
export const adopt = (next: SessionStatus, from: Mark): void => {
  if (known && next["now"]! < known["now"]!) return;
  known = next;
  at = heard = from;
  largest = Math.max(largest, next.remaining_ms);
  dated = Date.parse(next["now"] as string) - DATE_MS;
};

/**
 * Takes over the field of one of the page's own answers, unless it agrees with
 * what is known: its seconds are rounded down, and would make a little less of
 * it each time. One that is no newer comes from the browser's cache; one that a
 * newer word overtook within a second looks like any other. So it is not exact.
 */
export const adoptField = (remaining_ms: number, date: number): void => {
  const ahead = known ? left() - remaining_ms : NaN;
  if (date <= dated || (ahead >= 0 && ahead < 1_000)) return;
  adopt({ ...UNTOLD, ...known, remaining_ms }, now());
  dated = date;
  heard = NEVER;
};
