// A server between browser and bank. It records what the browser asks, whatever the engine, can hold
// answers back or change them, and can be out of reach, as for a machine that sleeps.

import { once } from "node:events";
import { createServer, request as ask } from "node:http";

export class Front {
  #bank;
  #server;
  #answers = new Map();
  #held = new Map();
  #sockets = new Set();
  #isCut = false;

  /** Every request: `{at, method, path, query, headers, body, open}`; `body` as far as the bank got it. */
  requests = [];
  /** The last session cookie that the browser sent: `name=value`. */
  cookie = "";

  /** Listens on this loopback address, which is a host of its own for cookies. */
  static async to(bank, host) {
    const front = new Front();
    front.#bank = bank;
    front.#server = createServer((near, answer) => front.#serve(near, answer));
    front.#server.on("connection", (socket) => {
      if (front.#isCut) return socket.destroy();
      front.#sockets.add(socket);
      socket.on("close", () => front.#sockets.delete(socket));
    });
    front.#server.listen(0, host);
    await once(front.#server, "listening");
    front.url = `http://${host}:${front.#server.address().port}`;
    return front;
  }

  get port() {
    return this.#server.address().port;
  }

  /** The requests so far to this path. */
  asked(path) {
    return this.requests.filter((one) => one.path === path);
  }

  /** Answers a path itself: `give(request, response)`. */
  answer(path, give) {
    this.#answers.set(path, give);
  }

  /** Answers a path with this page, and with more headers. */
  page(path, html, more = {}) {
    const headers = { "content-type": "text/html; charset=utf-8", "cross-origin-opener-policy": "same-origin" };
    this.answer(path, (_, answer) => answer.writeHead(200, { ...headers, ...more }).end(html));
  }

  /** Changes the headers of the bank's answers: an object of lower-case names, and the path. */
  change(headers) {
    this.changeHeaders = headers;
  }

  /** Delays the answers to this path until the returned function is called. */
  hold(path) {
    let release;
    this.#held.set(path, new Promise((resolve) => (release = resolve)));
    return () => {
      this.#held.delete(path);
      release();
    };
  }

  /** Closes open connections, and refuses new ones until `mend`. */
  cut() {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend() {
    this.#isCut = false;
  }

  close() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(near, answer) {
    const { method, headers } = near;
    const { pathname, search } = new URL(near.url, this.url);
    const asked = { at: Date.now(), method, path: pathname, query: search, headers, body: "", open: true };
    this.requests.push(asked);
    answer.on("close", () => (asked.open = false));
    this.cookie = /(__Host-)?session=[^;]+/.exec(headers.cookie)?.[0] ?? this.cookie;
    await this.#held.get(pathname);
    const give = this.#answers.get(pathname);
    if (give) return give(near, answer);
    const far = ask({ host: "127.0.0.1", port: this.#bank.port, method, path: near.url, headers }, (from) => {
      this.changeHeaders?.(from.headers, pathname);
      answer.writeHead(from.statusCode, from.headers).flushHeaders();
      from.pipe(answer);
      from.on("error", () => answer.destroy());
    });
    far.on("error", () => answer.destroy());
    answer.on("close", () => far.destroy());
    near.on("data", (part) => (asked.body += part));
    near.pipe(far);
  }
}
