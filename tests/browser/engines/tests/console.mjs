// What pages write on the console. Every other test asserts that no exception was uncaught.

import assert from "node:assert/strict";

import { until } from "../../harness/wait.mjs";
import { scene } from "../scene.mjs";
import { framedElsewhere } from "./frames.mjs";

const LONG = { idle: "1m", absolute: "1h", warn: "5s" };

function messages({ browser }) {
  if (!browser.messages) throw new Error("this engine tells no console messages");
  return browser.messages;
}

scene("the engine tells an exception that nobody caught", { policy: LONG }, async (stage) => {
  const told = messages(stage);
  await stage.page.goto("/login");
  await stage.page.evaluate(() => {
    setTimeout(() => {
      throw new Error("nobody catches this");
    });
  });
  const isIt = ({ type, text }) => type === "uncaught" && text.includes("nobody catches this");
  await until("the exception is told", () => told.some(isIt));
  told.splice(told.findIndex(isIt), 1);
});

scene("a frame under another origin says that it is off", { policy: LONG }, async (stage) => {
  const told = messages(stage);
  const before = told.length;
  await framedElsewhere(stage, { isAllowed: true });
  const warnings = () => told.slice(before).filter(({ text }) => text.includes("session-timeout"));
  await until("it says so", () => warnings().length > 0);
  assert.deepEqual(warnings().map(({ text }) => text), ["<session-timeout>: ignored: in a foreign frame"]);
});
