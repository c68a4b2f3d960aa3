import assert from "node:assert/strict";
import { test } from "node:test";
import { document, load } from "./load.mjs";

const { status } = await load("status");
const { fieldsOf, isReason, isTime, readField, readStatus } = status;

test("a status document is read with all its fields", () => {
  const read = readStatus(document({ policy: "default" }));
  assert.deepEqual(read, document({ policy: "default" }));
});

test("granularity defaults to 15 seconds", () => {
  const { granularity_ms, ...rest } = document();
  assert.equal(readStatus(rest).granularity_ms, granularity_ms);
});

test("L17: a document with a wrong field is rejected", () => {
  for (const odd of [undefined, null, 0, "active", true, [], {}, [document()], "<html>", () => {}]) {
    assert.equal(readStatus(odd), undefined, String(odd));
  }
  const odd = {
    state: [undefined, null, "locked", "Active", 1],
    remaining_ms: [undefined, null, -1, -0.5, NaN, Infinity, 1e300, 1e13, "840000", [840_000], {}],
    warn_ms: [undefined, null, -1, NaN, Infinity, "60000", true],
    granularity_ms: [null, -1, NaN, Infinity, "15000"],
    extendable: [undefined, null, 0, 1, "true"],
    ends_by: [undefined, null, 1, "", "Idle", "idle timeout", "a".repeat(41), "<b>"],
  };
  for (const [name, values] of Object.entries(odd)) {
    for (const value of values) {
      assert.equal(readStatus(document({ [name]: value })), undefined, `${name} ${value}`);
    }
  }
});

test("times are non-negative and bounded", () => {
  for (const time of [0, 0.5, 1, 86_400_000, 1e12]) assert.ok(isTime(time), String(time));
  for (const odd of [-1, NaN, Infinity, 1e12 + 1, "1", null, undefined, 1n, [1]]) {
    assert.ok(!isTime(odd), String(odd));
  }
});

test("reasons are short lower-case words", () => {
  for (const reason of ["idle_timeout", "revoked", "idp_session_expired"]) assert.ok(isReason(reason));
  for (const odd of ["", "a b", "a&b=c", "//evil", "javascript:", 1, null, ["idle_timeout"]]) {
    assert.ok(!isReason(odd), String(odd));
  }
});

test("a value that is no object has no fields", () => {
  for (const odd of [undefined, null, 0, "", true]) assert.equal(fieldsOf(odd).reason, undefined);
  assert.equal(fieldsOf({ reason: "revoked" }).reason, "revoked");
});

test("the header field gives the nearer timeout", () => {
  assert.equal(readField("idle=840, absolute=27000, warn=60"), 840_000);
  assert.equal(readField("idle=840, absolute=60, warn=60"), 60_000);
  assert.equal(readField("idle=0, absolute=27000, warn=60"), 0);
});

test("L17: a doubled or malformed header field is rejected", () => {
  for (const odd of [
    null,
    "",
    "idle=840",
    "idle=840, absolute=27000",
    "idle=840, absolute=27000, warn=60, idle=900",
    "idle=840, absolute=27000, warn=60, idle=840, absolute=27000, warn=60",
    "idle=-1, absolute=27000, warn=60",
    "idle=1e9, absolute=27000, warn=60",
    "idle=8.4, absolute=27000, warn=60",
    'idle="840", absolute=27000, warn=60',
    "IDLE=840, absolute=27000, warn=60",
    "never",
  ]) {
    assert.equal(readField(odd), undefined, String(odd));
  }
});
