import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { document, drive, load } from "./load.mjs";

let clock;
let countdown;
let time;

beforeEach(async () => {
  clock = drive();
  ({ countdown, time } = await load("countdown", "time"));
});
afterEach(() => clock.release());

const adopt = (changes, from = time.now()) => countdown.adopt(document(changes), from);

test("before a session was seen nothing is known", () => {
  assert.equal(countdown.status(), undefined);
  adopt();
  countdown.forget();
  assert.equal(countdown.status(), undefined);
});

test("the remaining time is as of now, in a copy that is frozen", () => {
  adopt();
  clock.advance(1_000.4);
  const status = countdown.status();
  assert.equal(status.remaining_ms, 839_000);
  assert.equal(status.ends_by, "idle_timeout");
  assert.ok(Object.isFrozen(status));
  clock.advance(900_000);
  assert.equal(countdown.status().remaining_ms, 0);
  assert.ok(countdown.left() < 0);
});

test("time is counted from the question, not from the answer", () => {
  const asked = time.now();
  clock.sleep(3_600_000);
  adopt({}, asked);
  assert.ok(countdown.left() < 0);
});

test("what the server said earlier does not replace what it said later, however it comes in", () => {
  const early = time.now();
  clock.advance(100);
  // The answer to "stay", and an event that was sent before it and heard after it was asked.
  adopt({ remaining_ms: 5_000, now: "2026-01-01T00:00:00.500Z" });
  adopt({ remaining_ms: 900_000, now: "2026-01-01T00:00:01.000Z" }, early);
  assert.equal(countdown.left(), 899_900);
  adopt({ remaining_ms: 5_000, now: "2026-01-01T00:00:00.999Z" });
  assert.equal(countdown.left(), 899_900);
});

test("without any status the page's own answers tell the time left, and it can't be extended", () => {
  countdown.forget();
  countdown.adoptField(30_000, NaN);
  assert.equal(countdown.left(), 30_000);
  assert.equal(countdown.status().extendable, false);
  assert.equal(countdown.warnAt(), 15_000);
  adopt({ remaining_ms: 900_000, now: "2026-01-01T00:00:00.000Z" });
  assert.equal(countdown.left(), 900_000);
});

test("the user is warned when the server wants it, and 20 seconds before the end at least", () => {
  for (const [remaining_ms, warn_ms, at] of [
    [840_000, 60_000, 60_000],
    [840_000, 20_000, 20_000],
    [840_000, 5_000, 20_000],
    [840_000, 0, 20_000],
    // Where the whole timeout is short there are not 20 seconds to give.
    [40_000, 0, 20_000],
    [30_000, 5_000, 15_000],
    [10_000, 2_000, 5_000],
    [10_000, 8_000, 8_000],
  ]) {
    countdown.forget();
    adopt({ remaining_ms, warn_ms });
    assert.equal(countdown.warnAt(), at, `${remaining_ms} ${warn_ms}`);
  }
});

test("the moment of the warning does not move as time goes by", () => {
  adopt({ remaining_ms: 30_000, warn_ms: 0 });
  clock.advance(20_000);
  adopt({ remaining_ms: 10_000, warn_ms: 0 });
  assert.equal(countdown.warnAt(), 15_000);
});

test("a field that agrees is left alone: its seconds are rounded down", () => {
  adopt({ remaining_ms: 840_900 });
  for (let poll = 0; poll < 100; poll += 1) {
    clock.advance(70);
    countdown.adoptField(Math.floor(countdown.left() / 1_000) * 1_000, NaN);
  }
  assert.equal(countdown.left(), 840_900 - 7_000);
});

test("what a field says is not the server's exact word", () => {
  adopt({ remaining_ms: 840_000 });
  clock.advance(300);
  assert.equal(Math.round(countdown.age()), 300);
  // Rounded down, or overtaken by the status before it: who goes by it asks first.
  countdown.adoptField(300_000, NaN);
  assert.equal(countdown.age(), Infinity);
  adopt({ remaining_ms: 840_000 });
  assert.equal(countdown.age(), 0);
});

test("a field that does not agree is taken over, be it more or less", () => {
  adopt({ remaining_ms: 840_000 });
  countdown.adoptField(300_000, NaN);
  assert.equal(countdown.left(), 300_000);
  countdown.adoptField(900_000, NaN);
  assert.equal(countdown.left(), 900_000);
  // One second less is as near as a second too many.
  countdown.adoptField(899_000, NaN);
  assert.equal(countdown.left(), 899_000);
});

test("the field of an answer from the browser's cache is old, and not taken over", () => {
  adopt({ remaining_ms: 10_000 });
  const at = Date.parse("2026-11-23T18:00:00Z");
  countdown.adoptField(900_000, at - 1_000);
  assert.equal(countdown.left(), 10_000);
  // Sent in the same second as the document.
  countdown.adoptField(900_000, at);
  assert.equal(countdown.left(), 900_000);
  // The same once more, an hour later.
  clock.advance(800_000);
  countdown.adoptField(900_000, at);
  assert.equal(countdown.left(), 100_000);
});
