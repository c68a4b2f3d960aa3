// The time left, by the last status and the time elapsed since. Never by the
// client's date.
import type { SessionStatus } from "./api.ts";
import { type Mark, NEVER, now, since } from "./time.ts";

/** WCAG 2.2.1: the user has at least 20 seconds to answer. */
const LEAST_WARNING_MS = 20_000;

/** `Date` has whole seconds only. */
const DATE_MS = 1_000;

/** The assumed status while only the time left is known. */
const UNTOLD = {
  state: "active",
  warn_ms: 0,
  granularity_ms: 15_000,
  extendable: false,
  ends_by: "idle_timeout",
} as const;

/** The last status; `undefined` before a live session was seen, when only `status`
    may be called. */
let known: SessionStatus | undefined;
/** When `known` was true; and when the last exact status was. */
let at: Mark;
let heard: Mark;
let largest = 0;
/** When the server sent it, by the server's clock. */
let dated: number;

export const forget = (): void => {
  known = undefined;
  largest = 0;
};

export const left = (): number => known!.remaining_ms - since(at);

/** The age of the last exact status. */
export const age = (): number => since(heard);

/** A frozen copy as of now. */
export const status = (): SessionStatus | undefined =>
  known && Object.freeze({ ...known, remaining_ms: Math.max(0, Math.round(left())) });

/** The time left at which the user is warned. */
export const warnAt = (): number =>
  Math.max(known!.warn_ms, Math.min(LEAST_WARNING_MS, largest / 2));

/** Whether this is the reference of another session than the page's. */
export const isOther = (session: unknown): boolean =>
  !!known?.session && !!session && session !== known.session;

/** Whether a status is not older than the known one. */
export const isNews = (next: SessionStatus): boolean => !(known && next["now"]! < known["now"]!);

/**
 * Adopts a status that is valid as of `from`. An older one that arrives late does
 * not replace a newer one.
 */
export const adopt = (next: SessionStatus, from: Mark): void => {
  if (!isNews(next)) return;
  known = next;
  at = heard = from;
  largest = Math.max(largest, next.remaining_ms);
  dated = Date.parse(next["now"] as string) - DATE_MS;
};

/**
 * Adopts the header field of an answer to the page, unless it agrees with the known
 * status: its seconds are rounded down, so adopting it each time would lose time. A
 * field that is not newer comes from the browser's cache. A field that a status
 * overtook within a second can't be recognized, so the result is not exact.
 */
export const adoptField = (remaining_ms: number, date: number): void => {
  const ahead = known ? left() - remaining_ms : NaN;
  if (date <= dated || (ahead >= 0 && ahead < 1_000)) return;
  adopt({ ...UNTOLD, ...known, remaining_ms }, now());
  dated = date;
  heard = NEVER;
};
