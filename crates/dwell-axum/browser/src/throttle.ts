// When input is reported. The first is reported at once, what follows at the
// end of the gap: no input is forgotten, and none is reported twice.
import { type Mark, NEVER, now, since } from "./time.ts";

let last = NEVER;
let reported = NEVER;
let sent = NEVER;

/**
 * The least time between two reports. The server records no more often than
 * its granularity; where that is short, six of them or ten seconds are enough.
 */
const gap = (granularity_ms: number): number =>
  Math.max(granularity_ms, Math.min(10_000, 6 * granularity_ms));

export const isReported = (input: Mark): boolean => input <= reported;

export const isPending = (): boolean => !isReported(last);

export const isDue = (granularity_ms: number): boolean =>
  isPending() && since(sent) >= gap(granularity_ms);

/** There was input at this instant. */
export const add = (input: Mark): void => {
  last = Math.max(last, input);
};

/** A report is on its way now; the instant that it is about. */
export const begin = (): Mark => {
  sent = now();
  return last;
};

/** Input up to this instant has been reported, here or in another tab. */
export const done = (input: Mark): void => {
  sent = now();
  reported = Math.max(reported, input);
};
