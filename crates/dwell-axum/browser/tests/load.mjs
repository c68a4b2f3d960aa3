// Modules as the browser gets them, with a clock that the test drives.
import { join } from "node:path";
import { mock } from "node:test";
import { build } from "esbuild";

let loads = 0;

/** Loads fresh copies of modules, which share their state among themselves. */
export async function load(...names) {
  const contents = names.map((name) => `export * as ${name} from "./${name}.ts";`).join("\n");
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: join(import.meta.dirname, "../src"), loader: "ts" },
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "silent",
  });
  loads += 1;
  const source = `${outputFiles[0].text}\n// ${loads}`;
  return import(`data:text/javascript;base64,${Buffer.from(source).toString("base64")}`);
}

/** Both clocks of the page; `advance` moves both, as waiting does. */
export function drive() {
  const at = { performance: 5_000, date: Date.UTC(2026, 10, 23, 18) };
  mock.method(performance, "now", () => at.performance);
  mock.method(Date, "now", () => at.date);
  return {
    advance(ms) {
      at.performance += ms;
      at.date += ms;
    },
    /** The machine sleeps: one of its clocks stands still. */
    sleep(ms) {
      at.date += ms;
    },
    setDate(ms) {
      at.date += ms;
    },
    release: () => mock.restoreAll(),
  };
}

export const document = (changes = {}) => ({
  state: "active",
  now: "2026-11-23T18:00:00.400Z",
  remaining_ms: 840_000,
  ends_by: "idle_timeout",
  warn_ms: 60_000,
  extendable: true,
  granularity_ms: 15_000,
  ...changes,
});
