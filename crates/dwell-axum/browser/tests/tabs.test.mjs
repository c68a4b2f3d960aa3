import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { load } from "./load.mjs";

test("tabs receive messages and ignore garbled ones", async () => {
  const [{ tabs: one }, { tabs: other }] = [await load("tabs"), await load("tabs")];
  const heard = [];
  const inbox = new EventTarget();
  one.join("dwell/test", () => assert.fail("nobody hears himself"), false);
  other.join(
    "dwell/test",
    (message) => {
      heard.push(message);
      if (message.ended) inbox.dispatchEvent(new Event("end"));
    },
    false,
  );
  const raw = new BroadcastChannel("dwell/test");
  one.post({ input: 1 });
  one.leave();
  one.post({ input: 2 });
  for (const odd of [null, undefined, 0, "ended", [], true]) raw.postMessage(odd);
  const done = once(inbox, "end");
  raw.postMessage({ ended: "revoked" });
  await done;
  raw.close();
  other.leave();

  assert.deepEqual(heard[0], { input: 1 });
  for (const message of heard.slice(1, -1)) {
    const { input, status, ended, closed } = message;
    assert.deepEqual([input, status, ended, closed], [undefined, undefined, undefined, undefined]);
  }
  assert.equal(heard.length, 8);
  assert.deepEqual(heard.at(-1), { ended: "revoked" });
});
