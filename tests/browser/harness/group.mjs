// A program and its helpers: a process group of its own, with a folder. Both go as a whole.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const running = new Set();
process.on("exit", () => running.forEach((group) => group.remove()));
// Without a listener, these would end the process without `exit`.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(1));

export class Group {
  #ended;
  folder = mkdtempSync(join(tmpdir(), "dwell-browser-"));

  /** Starts a program. `how` gets the folder, and returns the arguments and options as for `spawn`. */
  static async start(program, how) {
    const group = new Group();
    running.add(group);
    try {
      const [args, options] = await how(group.folder);
      group.child = spawn(program, args, { stdio: "ignore", ...options, detached: true });
      await once(group.child, "spawn");
    } catch (error) {
      group.remove();
      throw error;
    }
    group.#ended = once(group.child, "exit");
    return group;
  }

  /** Starts the program anew in the same folder, once it has ended. */
  async again(how) {
    await this.#ended;
    this.child = spawn(this.child.spawnfile, await how(), { stdio: "ignore", detached: true });
    this.#ended = once(this.child, "exit");
  }

  /** Signals the program and its helpers. */
  signal(name) {
    try {
      process.kill(-this.child.pid, name);
    } catch (error) {
      // Nobody is left.
      if (error.code !== "ESRCH") throw error;
    }
  }

  async end(signal = "SIGKILL") {
    this.signal(signal);
    await this.#ended;
    this.remove();
  }

  /** At the end of this process there is no time to wait. */
  remove() {
    running.delete(this);
    if (this.child?.pid) this.signal("SIGKILL");
    // A helper may still be writing.
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}
