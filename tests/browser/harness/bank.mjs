// A bank for one test: a process with its own policy, folder and port.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const BUILT = fileURLToPath(new URL("../../../target/debug/bank", import.meta.url));
const PROGRAM = process.env.DWELL_BANK ?? BUILT;

/** Slightly longer than the bank lets open connections finish. */
const PATIENCE_MS = 8_000;

const running = new Set();
// A killed test leaves no bank running.
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

function toml(policy) {
  const table = (name, values) =>
    [`[policy.${name}]`, ...Object.entries(values).map(([key, value]) => `${key} = "${value}"`)];
  // The bank's pages under /admin need a policy of this name.
  const { admin, ...own } = policy;
  const { idle, absolute, warn } = own;
  const lines = [...table("default", own), ...table("admin", { idle, absolute, warn, ...admin })];
  return [...lines, ""].join("\n");
}

export class Bank {
  #args;
  #child;
  #folder;
  #own;
  #store;

  /**
   * `policy` holds the keys of a policy file, `policy.admin` those of its area; `store` is `memory`
   * or `sqlite`; `args` are further arguments.
   */
  static async start({ policy, store = "memory", args = [] }) {
    const bank = new Bank();
    bank.#args = args;
    bank.#folder = await mkdtemp(join(tmpdir(), "dwell-browser-"));
    bank.#store = store === "sqlite" ? `sqlite:${join(bank.#folder, "sessions.db")}` : "memory:";
    await writeFile(join(bank.#folder, "policy.toml"), toml(policy));
    try {
      await bank.#launch(0);
    } catch (error) {
      await rm(bank.#folder, { recursive: true, force: true });
      throw error;
    }
    return bank;
  }

  async #launch(port) {
    const config = join(this.#folder, "policy.toml");
    const args = ["--listen", `127.0.0.1:${port}`, "--config", config, "--store", this.#store, ...this.#args];
    const child = spawn(PROGRAM, args, { stdio: ["ignore", "pipe", "pipe"] });
    running.add(child);
    child.once("exit", () => running.delete(child));
    child.stderr.pipe(createWriteStream(this.logFile, { flags: "a" }));
    const lines = createInterface({ input: child.stdout });
    const ended = new AbortController();
    child.once("error", (error) => ended.abort(error));
    child.once("exit", (code) => ended.abort(new Error(`it ended with ${code}`)));
    let first;
    try {
      [first] = await once(lines, "line", { signal: ended.signal });
    } catch (error) {
      const why = error.cause ?? error;
      const log = await readFile(this.logFile, "utf8").catch(() => "");
      throw new Error(`${PROGRAM} does not start: ${log || why.message}`, { cause: why });
    }
    this.#child = child;
    this.#own = first.replace("listening on ", "");
    /** Where visitors find it. */
    this.url ??= this.#own;
    this.port = Number(new URL(this.#own).port);
  }

  get logFile() {
    return join(this.#folder, "log.txt");
  }

  async stop() {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    this.thaw();
    const force = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
    await ended;
    clearTimeout(force);
  }

  /** Suspends the process: it accepts connections and does not answer. */
  freeze() {
    this.#child.kill("SIGSTOP");
  }

  thaw() {
    this.#child.kill("SIGCONT");
  }

  /** Restarts on the same port, with the sessions of its store. */
  async start() {
    await this.#launch(this.port);
  }

  async remove() {
    await this.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /**
   * What the server itself says of a visitor's session, asked past the browser and passively:
   * the status document with `alive: true`, or `{alive: false, reason}`.
   */
  async truth(context) {
    const answer = await this.request(context, "/session", { headers: { "session-activity": "passive" } });
    const body = await answer.json();
    return answer.ok ? { alive: true, ...body } : { alive: false, reason: body.reason };
  }

  /** A request with the visitor's cookies that does not come from the browser. */
  async request(context, path, init = {}) {
    const cookies = await context.cookies();
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
    return fetch(this.#own + path, { redirect: "manual", ...init, headers: { cookie, ...init.headers } });
  }
}
