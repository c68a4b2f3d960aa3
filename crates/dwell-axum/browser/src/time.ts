// Time that has passed, by two clocks. Neither is enough: `performance.now()`
// stands still while some machines sleep, and the date can be set. The larger
// step of the two counts: so sleep is noticed, and a date that is set back
// changes nothing. One that is set forward looks like sleep, and the server is
// asked.

/** An instant, in milliseconds of this page. */
export type Mark = number;

export const NEVER: Mark = -Infinity;

/** The date is this much ahead only when something happened: it is rounded. */
const JUMP_MS = 1_000;

let performed = performance.now();
let dated = Date.now();
let passed = 0;

export const now = (): Mark => {
  const performance_ms = performance.now() - performed;
  const date_ms = Date.now() - dated;
  performed += performance_ms;
  dated += date_ms;
  passed += date_ms > performance_ms + JUMP_MS ? date_ms : performance_ms;
  return passed;
};

export const since = (at: Mark): number => now() - at;

/** Waits for this, but no longer than so many milliseconds. */
export const within = (ms: number, promise: unknown): Promise<unknown> =>
  Promise.race([promise, new Promise((resolve) => setTimeout(resolve, ms))]);
