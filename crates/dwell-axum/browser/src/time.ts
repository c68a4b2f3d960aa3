// Elapsed time, by two clocks: `performance.now()` stands still while some machines
// sleep, and the date can be changed. The larger step of the two counts, so sleep is
// noticed, and a date that is set back changes nothing. A date that is set forward
// looks like sleep, and the server is asked.

/** An instant, in milliseconds of this page. */
export type Mark = number;

export const NEVER: Mark = -Infinity;

/** The date counts only if it is this much ahead, because it is rounded. */
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

/** Waits for this promise, but no longer than `ms`. */
export const within = (ms: number, promise: unknown): Promise<unknown> =>
  Promise.race([promise, new Promise((resolve) => setTimeout(resolve, ms))]);
