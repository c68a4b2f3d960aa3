// Runs the tests, several files at a time, because they mostly wait. Many of them measure time, and
// a busy machine may disturb them: a file that fails beside others runs again alone. Both runs are
// reported, and a file that fails twice has failed.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";

const AT_A_TIME = 4;
/** With more failed files than this, none is repeated: that is no disturbance. */
const MOST_AGAIN = 3;

const folder = fileURLToPath(new URL(".", import.meta.url));
// Without arguments all files; else those whose names contain an argument.
const wanted = process.argv.slice(2);
const names = readdirSync(folder)
  .filter((name) => name.endsWith(".test.mjs"))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)));

// The tests of an engine take longest, so they start first.
const isOfEngine = (name) => /^(chromium|firefox|webkit)\./.test(name);
names.sort((a, b) => isOfEngine(b) - isOfEngine(a));

/** Runs a file, prints the outcome of its tests at the end, and returns it. */
async function outcome(name) {
  const outcome = { name, tests: 0, failed: [], passedOver: 0 };
  const start = Date.now();
  // One run per file: a test's events name the place of its definition, which may be a helper.
  const stream = run({ files: [join(folder, name)] });
  stream.on("test:pass", ({ skip, todo }) => {
    outcome.tests += 1;
    if (skip !== undefined || todo !== undefined) outcome.passedOver += 1;
  });
  stream.on("test:fail", ({ name }) => {
    outcome.tests += 1;
    outcome.failed.push(name);
  });
  let told = `\n${name}\n`;
  for await (const text of stream.compose(new spec())) told += text;
  process.stdout.write(told);
  outcome.seconds = (Date.now() - start) / 1_000;
  return outcome;
}

/** Runs these files, this many at a time, and returns their outcomes. */
async function outcomes(names, atATime) {
  const waiting = [...names];
  const all = [];
  const work = async () => {
    while (waiting.length > 0) all.push(await outcome(waiting.shift()));
  };
  await Promise.all(Array.from({ length: atATime }, work));
  return all;
}

const hasFailed = ({ failed }) => failed.length > 0;

const first = await outcomes(names, AT_A_TIME);
const failing = first.filter(hasFailed);
let again = [];
if (failing.length > 0 && failing.length <= MOST_AGAIN) {
  console.log("\nOnce more, one at a time:");
  again = await outcomes(failing.map(({ name }) => name), 1);
}

const last = first.map((one) => again.find(({ name }) => name === one.name) ?? one);
const unsteady = failing.filter(({ name }) => !last.some((one) => one.name === name && hasFailed(one)));
const sum = (number) => last.map(number).reduce((a, b) => a + b, 0);
const tests = sum(({ tests }) => tests);
const passed = sum(({ tests, failed, passedOver }) => tests - failed.length - passedOver);

for (const { name, seconds } of first.toSorted((a, b) => b.seconds - a.seconds)) {
  console.log(`${seconds.toFixed(1).padStart(7)} s ${name}`);
}
console.log("");
for (const { name, failed } of last.filter(hasFailed)) console.log(`FAILED: ${name}: ${failed.join("; ")}`);
for (const { name, failed } of unsteady) {
  console.log(`UNSTEADY: failed beside others, passed alone: ${name}: ${failed.join("; ")}`);
}
console.log(`In all:\nℹ tests ${tests}\nℹ pass ${passed}`);
process.exitCode = tests > 0 && passed === tests ? 0 : 1;
