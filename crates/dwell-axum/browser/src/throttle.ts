// When input is reported: the first at once, later input after a gap. No input is
// lost, and none is reported twice.
import { type Mark, NEVER, now, since } from "./time.ts";

let last = NEVER;
let reported = NEVER;
let sent = NEVER;

/**
 * The least time between two reports: the granularity, or for a short granularity
 * six times as much, up to ten seconds.
 */
const gap = (granularity_ms: number): number =>
  Math.max(granularity_ms, Math.min(10_000, 6 * granularity_ms));

export const isReported = (input: Mark): boolean => input <= reported;

export const isPending = (): boolean => !isReported(last);

export const isDue = (granularity_ms: number): boolean =>
  isPending() && since(sent) >= gap(granularity_ms);

/** Notes input at this instant. */
export const add = (input: Mark): void => {
  last = Math.max(last, input);
};

/** Marks a report as sent; returns the instant of the reported input. */
export const begin = (): Mark => {
  sent = now();
  return last;
};

/** Marks input up to this instant as reported, by this tab or another. */
export const done = (input: Mark): void => {
  sent = now();
  reported = Math.max(reported, input);
};
