// nginx in front of a bank: a process that can be ended, and started again on its port.

import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";

import { Group } from "./group.mjs";
import { freePort } from "./port.mjs";
import { until } from "./wait.mjs";

const PROGRAM = process.env.DWELL_NGINX ?? "/usr/sbin/nginx";

/** As docs/gateways.md has it. */
const config = (port, bank) => `
  daemon off; master_process off; pid pid; error_log log warn;
  events {}
  http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {
      listen 127.0.0.1:${port};
      location / {
        proxy_pass http://127.0.0.1:${bank};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_buffering off;
        proxy_read_timeout 1h;
      }
    }
  }`;

export class Nginx {
  #group;

  /** Starts one on a free port, in front of the bank at this port. */
  static async to(bank) {
    const nginx = new Nginx();
    nginx.port = await freePort();
    nginx.#group = await Group.start(PROGRAM, async (folder) => {
      await writeFile(join(folder, "config"), config(nginx.port, bank));
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
