// A long stay in a minute: three tabs, a frame, an area, a network that comes and goes. Nobody is
// signed out early, and nobody late.

import assert from "node:assert/strict";

import { cover, covered, noteEnd } from "./harness/dialog.mjs";
import { Nginx } from "./harness/nginx.mjs";
import { scene } from "./harness/scene.mjs";
import { ready } from "./harness/visitor.mjs";
import { pass, secondsSince, until } from "./harness/wait.mjs";

const IDLE_S = 10;
const AREA_S = 8;
const POLICY = {
  idle: `${IDLE_S}s`,
  absolute: "10m",
  warn: "3s",
  admin: { idle: `${AREA_S}s`, warn: "2s" },
};
/** How long somebody is there. */
const STAY_S = 45;
/** When the network fails, and for how long. */
const CUTS = [[8, 2], [20, 2]];
/** When the proxy ends, and for how long. */
const RESTART = [32, 0.3];

/** A page of the bank's origin with a frame, in which somebody types. */
async function openFramed(visitor) {
  const html = `<!doctype html><html lang="en"><title>Editor</title><h1>Editor</h1>
    <script type="module" src="/session-timeout.js"></script>
    <session-timeout login="/expired"></session-timeout>
    <iframe srcdoc="<input name='text'>" width="300" height="100"></iframe>`;
  await visitor.context.route("**/editor", (route) => route.fulfill({ contentType: "text/html", body: html }));
  const page = await visitor.open("/editor");
  await ready(page);
  return page;
}

/** Cuts the network and restarts the proxy as planned, and resolves when that is over. */
async function disturb(stage, proxy, visitor, start) {
  for (const [at, seconds] of CUTS) {
    await pass(at - secondsSince(start));
    await stage.link.cut(visitor);
    await pass(seconds);
    await stage.link.mend(visitor);
  }
  const [at, seconds] = RESTART;
  await pass(at - secondsSince(start));
  const listened = visitor.asked("/session/events").length;
  await proxy.restart(() => pass(seconds));
  await until("it listens again", () => visitor.asked("/session/events").length > listened);
}

scene("a day's work in a minute ends neither early nor late", { policy: POLICY }, async (stage, t) => {
  const proxy = await Nginx.to(stage.bank.port);
  stage.atEnd(() => proxy.end());
  await stage.putLink(proxy.port);
  const { visitor, page } = await stage.signedIn();
  const editor = await openFramed(visitor);
  const admin = await visitor.open("/admin/sessions");
  await ready(admin);
  const tabs = [page, editor, admin];
  const typing = [
    () => page.locator('[name="amount"]').press("End"),
    () => editor.frameLocator("iframe").locator("input").press("End"),
    () => admin.locator("body").press("Shift"),
  ];
  const start = Date.now();
  const disturbed = disturb(stage, proxy, visitor, start);
  for (let turn = 0; secondsSince(start) < STAY_S; turn++) {
    await typing[turn % typing.length]();
    // Pauses of half a second to three: nobody types all the time.
    await pass(0.5 + (turn * 7 % 6) / 2);
    for (const [number, tab] of tabs.entries()) {
      assert.ok(!(await cover(tab).isVisible()), `tab ${number} is covered after ${secondsSince(start)} s`);
    }
  }
  await disturbed;
  await page.locator('[name="amount"]').press("End");
  const last = Date.now();
  const ends = await Promise.all([page, editor].map(noteEnd));
  await covered(admin, (AREA_S + 5) * 1_000);
  const locked = secondsSince(last);
  const after = [];
  for (const [number, tab] of [page, editor].entries()) {
    await tab.waitForURL((url) => url.pathname === "/expired", { timeout: (IDLE_S + 5) * 1_000 });
    assert.equal(new URL(tab.url()).searchParams.get("reason"), "idle_timeout");
    after.push(((await ends[number]()) - last) / 1_000);
  }
  await until("the area's page ends, too", () => new URL(admin.url()).pathname === "/expired", 5_000);
  t.diagnostic(`the area locked after ${locked.toFixed(1)} s, the tabs ended after ${after.map((s) => s.toFixed(1))}`);
  // Input is recorded with a granularity of a sixtieth of the idle timeout.
  assert.ok(locked > AREA_S - 1 && locked < AREA_S + 2.5, `the area locked after ${locked} s`);
  for (const seconds of after) assert.ok(seconds > IDLE_S - 1 && seconds < IDLE_S + 2.5, `ended after ${seconds} s`);
  assert.deepEqual(visitor.errors, []);
  // The browser notes cut connections and the answer 401 by itself.
  const isOurs = ({ type, text }) => type === "error" && !text.startsWith("Failed to load resource");
  const complaints = visitor.messages.filter(isOurs);
  assert.deepEqual(complaints.map(({ text }) => text), []);
});
