// Which cookies an engine takes over http from a machine's own address.

import assert from "node:assert/strict";

import { scene } from "../scene.mjs";

const SET = {
  "__Host-secure": "1; Path=/; Secure; HttpOnly; SameSite=Lax",
  "__Host-plain": "1; Path=/",
  "secure": "1; Path=/; Secure",
  "plain": "1; Path=/; HttpOnly; SameSite=Lax",
};

scene("cookies over http from localhost", { policy: { idle: "1m", absolute: "1h", warn: "5s" } }, async (stage, t) => {
  for (const host of ["localhost", "127.0.0.1"]) {
    const front = await stage.anotherFront("127.0.0.1");
    const cookies = Object.entries(SET).map(([name, rest]) => `${name}=${rest}`);
    front.answer("/set", (_, answer) => answer.writeHead(200, { "set-cookie": cookies, "content-type": "text/html" }).end("<title>Set</title>"));
    front.page("/seen", "<title>Seen</title>");
    await stage.page.goto(`http://${host}:${front.port}/set`);
    await stage.page.goto(`http://${host}:${front.port}/seen`);
    const sent = (front.asked("/seen")[0].headers.cookie ?? "").split("; ");
    const taken = Object.keys(SET).filter((name) => sent.includes(`${name}=1`));
    t.diagnostic(`http://${host}: ${taken.join(", ")}`);
    assert.deepEqual(taken, stage.browser.cookies);
  }
});
