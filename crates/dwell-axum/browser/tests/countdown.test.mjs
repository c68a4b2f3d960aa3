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

test("status is unknown before the first answer", () => {
  assert.equal(countdown.status(), undefined);
  adopt();
  countdown.forget();
  assert.equal(countdown.status(), undefined);
});

test("status is a frozen copy with the time left now", () => {
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

test("time left counts from the request, not from the answer", () => {
  const asked = time.now();
  clock.sleep(3_600_000);
  adopt({}, asked);
  assert.ok(countdown.left() < 0);
});

test("an older status that arrives late is ignored", () => {
  const early = time.now();
  clock.advance(100);
  // The answer to "stay", and an event that was sent earlier and arrives later.
  adopt({ remaining_ms: 5_000, now: "2026-01-01T00:00:00.500Z" });
  adopt({ remaining_ms: 900_000, now: "2026-01-01T00:00:01.000Z" }, early);
  assert.equal(countdown.left(), 899_900);
  adopt({ remaining_ms: 5_000, now: "2026-01-01T00:00:00.999Z" });
  assert.equal(countdown.left(), 899_900);
});

test("a page's own answers suffice, without extension", () => {
  countdown.forget();
  countdown.adoptField(30_000, NaN);
  assert.equal(countdown.left(), 30_000);
  assert.equal(countdown.status().extendable, false);
  assert.equal(countdown.warnAt(), 15_000);
  adopt({ remaining_ms: 900_000, now: "2026-01-01T00:00:00.000Z" });
  assert.equal(countdown.left(), 900_000);
});

test("warning comes when the server says, 20 seconds at least", () => {
  for (const [remaining_ms, warn_ms, at] of [
    [840_000, 60_000, 60_000],
    [840_000, 20_000, 20_000],
    [840_000, 5_000, 20_000],
    [840_000, 0, 20_000],
    // A short timeout has no 20 seconds to give.
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

test("passing time does not move the warning", () => {
  adopt({ remaining_ms: 30_000, warn_ms: 0 });
  clock.advance(20_000);
  adopt({ remaining_ms: 10_000, warn_ms: 0 });
  assert.equal(countdown.warnAt(), 15_000);
});

test("a header field that agrees is ignored", () => {
  adopt({ remaining_ms: 840_900 });
  for (let poll = 0; poll < 100; poll += 1) {
    clock.advance(70);
    countdown.adoptField(Math.floor(countdown.left() / 1_000) * 1_000, NaN);
  }
  assert.equal(countdown.left(), 840_900 - 7_000);
});

test("a header field is not an exact status", () => {
  adopt({ remaining_ms: 840_000 });
  clock.advance(300);
  assert.equal(Math.round(countdown.age()), 300);
  // It is rounded down, or overtaken by a status, so the server is asked before a warning.
  countdown.adoptField(300_000, NaN);
  assert.equal(countdown.age(), Infinity);
  adopt({ remaining_ms: 840_000 });
  assert.equal(countdown.age(), 0);
});

test("a header field that disagrees is adopted", () => {
  adopt({ remaining_ms: 840_000 });
  countdown.adoptField(300_000, NaN);
  assert.equal(countdown.left(), 300_000);
  countdown.adoptField(900_000, NaN);
  assert.equal(countdown.left(), 900_000);
  // A second less counts like a second more.
  countdown.adoptField(899_000, NaN);
  assert.equal(countdown.left(), 899_000);
});

test("a header field from the browser's cache is ignored", () => {
  adopt({ remaining_ms: 10_000 });
  const at = Date.parse("2026-11-23T18:00:00Z");
  countdown.adoptField(900_000, at - 1_000);
  assert.equal(countdown.left(), 10_000);
  // Sent in the same second as the document.
  countdown.adoptField(900_000, at);
  assert.equal(countdown.left(), 900_000);
  // Again, an hour later.
  clock.advance(800_000);
  countdown.adoptField(900_000, at);
  assert.equal(countdown.left(), 100_000);
});
