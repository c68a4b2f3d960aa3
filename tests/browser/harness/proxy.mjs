// A proxy in front of a bank, which changes answers and holds some of them up.

import { once } from "node:events";
import { createServer, request } from "node:http";

/**
 * Connects the stage's later visitors through a proxy. `meet` gets every request and its answer
 * first, and returns whether it takes care of them. `alter` may change the fields of an answer.
 */
export async function putProxy(stage, { meet = () => false, alter = () => {} }) {
  const server = createServer(async (from, to) => {
    if (await meet(from, to)) return;
    const { method, url: path, headers } = from;
    const onwards = request({ host: "127.0.0.1", port: stage.bank.port, method, path, headers }, (answer) => {
      alter(answer.headers, path);
      answer.pipe(to.writeHead(answer.statusCode, answer.headers));
    });
    // A bank that is gone, or a browser that is.
    onwards.on("error", () => to.destroy());
    to.on("close", () => onwards.destroy());
    from.pipe(onwards);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stage.atEnd(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  stage.bank.url = `http://127.0.0.1:${server.address().port}`;
}

/**
 * Adds `/slow` to the bank's origin, which answers after this time. `outcome` resolves to
 * whether its answer was sent whole, or to `false` when the browser cancelled the request.
 */
export async function putSlow(stage, seconds, { fields = {}, alter } = {}) {
  let settle;
  const outcome = new Promise((resolve) => (settle = resolve));
  await putProxy(stage, {
    meet({ url }, to) {
      if (url !== "/slow") return false;
      to.on("close", () => settle(to.writableFinished));
      setTimeout(() => to.writeHead(200, fields).end("<!doctype html>done"), seconds * 1000);
      return true;
    },
    alter,
  });
  return { outcome };
}
