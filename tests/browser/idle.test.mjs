// Automatic activity does not extend the session: it ends on time.

import assert from "node:assert/strict";

import { expired } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";
import { secondsSince } from "./harness/wait.mjs";

const POLICY = { idle: "6s", absolute: "10m", warn: "2s" };

/** Runs `action` in the page and asserts that the session still ends on time. */
async function endsOnTime(stage, t, action) {
  const { visitor, page } = await stage.signedIn();
  const start = Date.now();
  const { remaining_ms } = await visitor.truth();
  assert.equal(await page.evaluate(action), true, "the action did not start");
  await expired(page, "idle_timeout");
  const late = secondsSince(start) - remaining_ms / 1000;
  t.diagnostic(`over ${late.toFixed(2)} s after the deadline`);
  assert.ok(late > -0.3 && late < 2.5, `${late} s`);
  assert.equal(visitor.asked("/session/activity").length, 0, "it was reported as activity");
  assert.equal(visitor.asked("/session/extend").length, 0);
  assert.deepEqual(visitor.errors, []);
  return visitor;
}

scene("a page that polls expires on time", { policy: POLICY }, async (stage, t) => {
  const visitor = await endsOnTime(stage, t, () => true);
  assert.ok(visitor.asked("/api/notifications").length >= 3, "the page did not poll");
});

scene("a page that plays a video expires on time", { policy: POLICY }, async (stage, t) => {
  await endsOnTime(stage, t, async () => {
    const canvas = document.createElement("canvas");
    const paint = canvas.getContext("2d");
    setInterval(() => {
      paint.fillStyle = `hsl(${Date.now() % 360} 50% 50%)`;
      paint.fillRect(0, 0, canvas.width, canvas.height);
    }, 40);
    const video = document.createElement("video");
    video.muted = true;
    video.srcObject = canvas.captureStream(25);
    document.querySelector("main").append(video);
    await video.play();
    await new Promise((resolve) => video.addEventListener("timeupdate", resolve, { once: true }));
    return !video.paused && video.currentTime > 0;
  });
});

scene("a page with timers, animations and a stream expires on time", {
  policy: POLICY,
}, async (stage, t) => {
  const visitor = await endsOnTime(stage, t, async () => {
    setInterval(() => document.title.length, 50);
    const frame = () => requestAnimationFrame(frame);
    frame();
    document.querySelector("h1").animate([{ opacity: 1 }, { opacity: 0.5 }], { duration: 300, iterations: Infinity });
    // A passive event stream of the bank.
    const ticks = new EventSource("/events");
    await new Promise((resolve) => ticks.addEventListener("tick", resolve, { once: true }));
    return ticks.readyState === EventSource.OPEN;
  });
  assert.ok(visitor.asked("/events").length > 0);
});

scene("events dispatched by a script are no input", { policy: POLICY }, async (stage, t) => {
  await endsOnTime(stage, t, () => {
    let heard = 0;
    document.addEventListener("pointermove", () => (heard += 1));
    const made = () => [
      new PointerEvent("pointerdown", { bubbles: true, composed: true, clientX: 5, clientY: 5 }),
      new PointerEvent("pointermove", { bubbles: true, composed: true, clientX: Date.now() % 99 }),
      new MouseEvent("mousemove", { bubbles: true, composed: true }),
      new MouseEvent("click", { bubbles: true, composed: true }),
      new KeyboardEvent("keydown", { bubbles: true, composed: true, key: "a" }),
      new WheelEvent("wheel", { bubbles: true, composed: true, deltaY: 5 }),
      new TouchEvent("touchstart", { bubbles: true, composed: true }),
      new Event("scroll", { bubbles: true }),
      new Event("input", { bubbles: true, composed: true }),
    ];
    const rattle = () => made().forEach((event) => document.querySelector("h1").dispatchEvent(event));
    rattle();
    setInterval(rattle, 100);
    return heard === 1;
  });
});

scene("scrolling, clicks and focus by a script are no input", { policy: POLICY }, async (stage, t) => {
  await endsOnTime(stage, t, async () => {
    document.querySelector("main").animate([{ height: "5000px" }, { height: "5000px" }], { duration: 1, fill: "forwards" });
    const field = document.querySelector('[name="amount"]');
    // A script's scrolling makes trusted events.
    const trusted = new Promise((resolve) => {
      addEventListener("scroll", ({ isTrusted }) => resolve(isTrusted), { once: true });
    });
    let y = 0;
    setInterval(() => {
      y = (y + 40) % 2_000;
      scrollTo(0, y);
      field.focus({ preventScroll: true });
      field.value = `${y}`;
      document.querySelector("h1").click();
      field.blur();
    }, 100);
    return trusted;
  });
});
