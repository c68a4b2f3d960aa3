import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { drive, load } from "./load.mjs";

let clock;
let time;

beforeEach(async () => {
  clock = drive();
  ({ time } = await load("time"));
});
afterEach(() => clock.release());

test("now advances with the clocks", () => {
  const start = time.now();
  clock.advance(1_234);
  assert.equal(time.since(start), 1_234);
});

test("N43: sleep counts even if one clock stands still", () => {
  const start = time.now();
  clock.advance(10_000);
  clock.sleep(3_600_000);
  assert.equal(time.since(start), 3_600_000 + 10_000);
  clock.advance(500);
  assert.equal(time.since(start), 3_600_000 + 10_500);
});

test("N43: late ticks lose no time", () => {
  const start = time.now();
  for (let tick = 0; tick < 10; tick += 1) {
    clock.advance(60_000);
    time.now();
  }
  assert.equal(time.since(start), 600_000);
});

test("N13: a date set back changes nothing", () => {
  const start = time.now();
  clock.advance(1_000);
  clock.setDate(-86_400_000);
  assert.equal(time.since(start), 1_000);
  clock.advance(1_000);
  assert.equal(time.since(start), 2_000);
});

test("rounding of the date does not add up", () => {
  const start = time.now();
  for (let step = 0; step < 1_000; step += 1) {
    // The clocks are ahead in turn.
    clock.advance(0.5);
    clock.setDate(step % 2 ? -0.5 : 0.5);
    time.now();
  }
  assert.equal(time.since(start), 500);
});

test("an event that never happened is infinitely old", () => {
  assert.equal(time.since(time.NEVER), Infinity);
});

test("a wait ends with its promise or at its limit", async () => {
  assert.equal(await time.within(500, Promise.resolve("done")), "done");
  assert.equal(await time.within(1, new Promise(() => {})), undefined);
});
