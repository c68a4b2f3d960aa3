import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { drive, load } from "./load.mjs";

let clock;
let throttle;
let time;

beforeEach(async () => {
  clock = drive();
  ({ throttle, time } = await load("throttle", "time"));
});
afterEach(() => clock.release());

/** Reports if a report is due, and gets the answer at once. */
const report = (granularity_ms = 1_000) => {
  if (!throttle.isDue(granularity_ms)) return undefined;
  const input = throttle.begin();
  throttle.done(input);
  return time.since(input);
};

test("no input, no report", () => {
  clock.advance(3_600_000);
  assert.ok(!throttle.isPending());
  assert.equal(report(), undefined);
});

test("first input is reported at once, later input after a gap", () => {
  throttle.add(time.now());
  assert.equal(report(), 0);
  clock.advance(300);
  throttle.add(time.now());
  assert.equal(report(), undefined);
  clock.advance(5_699);
  assert.equal(report(), undefined);
  clock.advance(1);
  // When it happened, not when it is reported.
  assert.equal(report(), 5_700);
  assert.ok(!throttle.isPending());
});

test("constant input makes one report per gap", () => {
  let reports = 0;
  for (let step = 0; step < 600; step += 1) {
    throttle.add(time.now());
    if (report() !== undefined) reports += 1;
    clock.advance(100);
  }
  assert.equal(reports, 10);
});

test("N15: the gap is never shorter than the granularity", () => {
  for (const [granularity_ms, gap] of [
    [0, 0],
    [250, 1_500],
    [1_000, 6_000],
    [2_000, 10_000],
    [10_000, 10_000],
    [15_000, 15_000],
    [60_000, 60_000],
  ]) {
    throttle.add(time.now());
    throttle.begin();
    if (gap > 0) {
      clock.advance(gap - 1);
      assert.ok(!throttle.isDue(granularity_ms), `${granularity_ms}`);
      clock.advance(1);
    }
    assert.ok(throttle.isDue(granularity_ms), `${granularity_ms}`);
  }
});

test("input without an answer is reported again", () => {
  throttle.add(time.now());
  const input = throttle.begin();
  assert.ok(throttle.isPending());
  assert.ok(!throttle.isReported(input));
  clock.advance(6_000);
  assert.ok(throttle.isDue(1_000));
});

test("input reported by another tab is not reported again", () => {
  const input = time.now();
  throttle.add(input);
  clock.advance(20);
  throttle.done(time.now() - 5);
  assert.ok(throttle.isReported(input));
  assert.ok(!throttle.isPending());
  // New input waits for the next gap.
  throttle.add(time.now());
  assert.ok(!throttle.isDue(1_000));
});

test("N18: older input received late moves nothing back", () => {
  throttle.add(time.now());
  clock.advance(1_000);
  const last = time.now();
  throttle.add(last);
  throttle.add(last - 900);
  assert.equal(throttle.begin(), last);
});

test("L5: input is never in the future", () => {
  clock.advance(10);
  throttle.add(time.now());
  clock.setDate(-3_600_000);
  assert.ok(time.since(throttle.begin()) >= 0);
});
