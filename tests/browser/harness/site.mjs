// Another web site on this machine: another origin than the bank's, by port or by name.

import { createServer } from "node:http";
import { once } from "node:events";

/**
 * Serves one page under a host name of the loopback until the scene is over. `127.0.0.1` is the
 * bank's own site on another port; `localhost` is another site.
 */
export async function site(stage, host, html) {
  const server = createServer((_, answer) => {
    answer.setHeader("content-type", "text/html; charset=utf-8");
    answer.end(html);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stage.atEnd(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://${host}:${server.address().port}/`;
}
