// Waiting: for conditions, and in a few tests for time itself.

import { setTimeout as sleep } from "node:timers/promises";

/** Polls until the answer is truthy, and returns it. */
export async function until(what, question, timeout = 10_000) {
  const end = Date.now() + timeout;
  for (;;) {
    const answer = await question();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`not within ${timeout} ms: ${what}`);
    await sleep(50);
  }
}

/** Lets real time pass, in tests of elapsed time. */
export const pass = (seconds) => sleep(seconds * 1000);

export const secondsSince = (start) => (Date.now() - start) / 1000;

/** Waits for the work, but no longer than this. */
export async function within(ms, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not over after ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
