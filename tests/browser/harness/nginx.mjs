// nginx in front of a bank: a process that can be ended, and started again on its port.

import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { Group } from "./group.mjs";
import { freePort } from "./port.mjs";
import { until } from "./wait.mjs";

const PROGRAM = process.env.DWELL_NGINX ?? "/usr/sbin/nginx";

const GUIDE = fileURLToPath(new URL("../../../docs/gateways.md", import.meta.url));

/** The site of docs/gateways.md, on this port and in front of this bank. */
async function config(port, bank) {
  const [, site] = /^```nginx,site\n(.*?)^```/ms.exec(await readFile(GUIDE, "utf8"));
  const here = site.replace("listen 80;", `listen 127.0.0.1:${port};`).replace("127.0.0.1:3000", `127.0.0.1:${bank}`);
  return `
    daemon off; master_process off; pid pid; error_log log warn;
    events {}
    http {
      access_log off;
      client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
      ${here}
    }`;
}

export class Nginx {
  #group;

  /** Starts one on a free port, in front of the bank at this port. */
  static async to(bank) {
    const nginx = new Nginx();
    nginx.port = await freePort();
    nginx.#group = await Group.start(PROGRAM, async (folder) => {
      await writeFile(join(folder, "config"), await config(nginx.port, bank));
      return [nginx.#args(folder)];
    });
    await nginx.#listens();
    return nginx;
  }

  #args(folder) {
    return ["-p", folder, "-e", "log", "-c", "config"];
  }

  #listens() {
    return until("nginx listens", async () => {
      const socket = connect(this.port, "127.0.0.1");
      return once(socket, "connect").then(() => true, () => false).finally(() => socket.destroy());
    });
  }

  /** Ends the process, and with it all connections; starts another one after `meanwhile`. */
  async restart(meanwhile) {
    this.#group.signal("SIGTERM");
    await this.#group.again(async () => {
      await meanwhile();
      return this.#args(this.#group.folder);
    });
    await this.#listens();
  }

  end() {
    return this.#group.end();
  }
}
