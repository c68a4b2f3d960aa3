// The time left, by the last status and the time elapsed since. Never by the
// client's date.
import type { SessionArea, SessionStatus } from "./api.ts";
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

/** The last status; `undefined` before a live session was seen, when `age` and
    `warnAt` may not be called. */
let known: SessionStatus | undefined;
/** The reference of the page's session. */
export let own: string | null | undefined;
/** When `known` was true; and when the last exact status was. */
let at: Mark;
let heard: Mark;
/** The page's area, and when that was true. */
let area: SessionArea | undefined;
let areaAt: Mark;
let largest = 0;
/** When the server sent it, by the server's clock. */
let dated: number;

/** Forgets all but the session that the page was made for, if it says so. */
export const forget = (session: string | null): void => {
  known = area = undefined;
  largest = 0;
  own = session;
};

const sessionLeft = (): number => (known ? known.remaining_ms - since(at) : 0);

const areaLeft = (): number => (area ? area.remaining_ms - since(areaAt) : Infinity);

/** The time left to the page: of the session, or of its area if that is less. */
export const left = (): number => Math.min(sessionLeft(), areaLeft());

/** Whether the page's area closes before the session ends. */
export const isAreaNext = (): boolean => areaLeft() < sessionLeft();

/** Whether the server has said that the page's area is closed. */
export const isAreaClosed = (): boolean => area?.remaining_ms === 0;

/** The age of the last exact status. */
export const age = (): number => since(heard);

const ms = (left: number): number => Math.max(0, Math.round(left));

/** A frozen copy as of now. Where the page's area closes first, it speaks of that. */
export const status = (): SessionStatus | undefined =>
  known &&
  Object.freeze({
    ...known,
    ...(isAreaNext() && area),
    remaining_ms: ms(left()),
  });

/** What other tabs may know: of the session, and not of this page's area. */
export const shared = (): unknown => ({
  ...known,
  area: undefined,
  remaining_ms: ms(sessionLeft()),
});

/** The time left at which the user is warned. */
export const warnAt = (): number =>
  Math.max(
    (isAreaNext() ? area : known)!.warn_ms,
    Math.min(LEAST_WARNING_MS, largest / 2),
  );

/** Whether the page is known to be of some session. */
export const isOwned = (): unknown => known || own;

/** Whether this is the reference of another session than the page's. */
export const isOther = (session: unknown): unknown => own && session && session !== own;

/** Whether a status is not older than the known one. */
export const isNews = (next: SessionStatus): boolean => !(known && next["now"]! < known["now"]!);

/**
 * Adopts a status that is valid as of `from`. An older one that arrives late does
 * not replace a newer one.
 */
export const adopt = (next: SessionStatus, from: Mark): void => {
  if (!isNews(next)) return;
  known = next;
  own ??= next.session;
  at = heard = from;
  // Other tabs say nothing of this page's area: what was known of it stays.
  if (next.area) [area, areaAt] = [next.area, from];
  largest = Math.max(largest, left());
  dated = Date.parse(next["now"] as string) - DATE_MS;
};

/**
 * Adopts the header field of an answer to the page, unless it agrees with the known
 * status: its seconds are rounded down, so adopting it each time would lose time. A
 * field that is not newer comes from the browser's cache. A field that a status
 * overtook within a second can't be recognized, so the result is not exact.
 */
export const adoptField = (remaining_ms: number, date: number): void => {
  const ahead = known ? sessionLeft() - remaining_ms : NaN;
  if (date <= dated || (ahead >= 0 && ahead < 1_000)) return;
  adopt({ ...UNTOLD, ...known, area: undefined, remaining_ms }, now());
  dated = date;
  heard = NEVER;
};
