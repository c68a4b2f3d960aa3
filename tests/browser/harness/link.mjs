// A link between browser and bank that can be cut. Playwright's `setOffline` leaves streams open.

import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Link {
  #server;
  #sockets = new Set();
  #isCut = false;

  static async to(port) {
    const link = new Link();
    link.#server = createServer((near) => {
      if (link.#isCut) return near.destroy();
      const far = connect(port, "127.0.0.1");
      for (const [socket, other] of [[near, far], [far, near]]) {
        link.#sockets.add(socket);
        socket.on("error", () => other.destroy());
        socket.on("close", () => {
          link.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    link.#server.listen(0, "127.0.0.1");
    await once(link.#server, "listening");
    return link;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** Closes open connections and refuses new ones from now on. */
  async cut(visitor) {
    this.#isCut = true;
    await visitor.context.setOffline(true);
    for (const socket of this.#sockets) socket.destroy();
  }

  async mend(visitor) {
    this.#isCut = false;
    await visitor.context.setOffline(false);
  }

  async close() {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
