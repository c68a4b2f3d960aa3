// Runs the tests, several files at a time, which mostly wait. Many of them measure time, and a
// machine may be busy with something else for a moment: a file that fails beside others runs once
// more by itself. Both runs are told; what fails twice has failed.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";

const AT_A_TIME = 4;
/** More than so many files are no moment's business. */
const MOST_AGAIN = 3;

const folder = fileURLToPath(new URL(".", import.meta.url));
// Without arguments all; else those whose names contain one.
const wanted = process.argv.slice(2);
const files = readdirSync(folder)
  .filter((name) => name.endsWith(".test.mjs"))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .map((name) => join(folder, name));

/** Tells what comes of the tests as it comes, and gives it back by file. */
async function outcomes(files, concurrency) {
  const byFile = new Map();
  const of = (file) => {
    if (!byFile.has(file)) byFile.set(file, { tests: 0, failed: [], passedOver: 0 });
    return byFile.get(file);
  };
  const stream = run({ files, concurrency });
  stream.on("test:pass", ({ file, skip, todo }) => {
    of(file).tests += 1;
    if (skip !== undefined || todo !== undefined) of(file).passedOver += 1;
  });
  stream.on("test:fail", ({ file, name }) => {
    of(file).tests += 1;
    of(file).failed.push(name);
  });
  const told = stream.compose(new spec());
  told.pipe(process.stdout, { end: false });
  await new Promise((resolve, reject) => told.on("end", resolve).on("error", reject));
  return byFile;
}

const all = await outcomes(files, AT_A_TIME);
const failing = [...all].filter(([, { failed }]) => failed.length > 0);
const unsteady = [];
if (failing.length > 0 && failing.length <= MOST_AGAIN) {
  console.log("\nOnce more, one at a time:");
  const again = await outcomes(failing.map(([file]) => file), 1);
  for (const [file, before] of failing) {
    const now = again.get(file);
    if (now?.failed.length === 0) unsteady.push(...before.failed);
    // Where it gives no outcome at all, the first one holds.
    if (now) all.set(file, now);
  }
}

const sum = (number) => [...all.values()].map(number).reduce((a, b) => a + b, 0);
const tests = sum(({ tests }) => tests);
const passed = sum(({ tests, failed, passedOver }) => tests - failed.length - passedOver);
for (const name of unsteady) console.log(`UNSTEADY: it failed beside others and passed alone: ${name}`);
console.log(`In all, ${unsteady.length} unsteady:\nℹ tests ${tests}\nℹ pass ${passed}`);
process.exitCode = tests > 0 && passed === tests ? 0 : 1;
