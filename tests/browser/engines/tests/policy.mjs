// Nothing violates the strict Content-Security-Policy of the bank.

import assert from "node:assert/strict";
import { text } from "node:stream/consumers";

import { until } from "../../harness/wait.mjs";
import { scene } from "../scene.mjs";

scene("a whole session violates no content security policy", {
  policy: { idle: "4s", absolute: "10m", warn: "2s" },
}, async (stage) => {
  const { front, page } = stage;
  const policies = new Set();
  const reports = [];
  // Every engine sends reports to an address in the policy.
  front.change((headers) => {
    policies.add(headers["content-security-policy"]);
    headers["content-security-policy"] += "; report-uri /violations";
  });
  front.answer("/violations", async (request, answer) => {
    reports.push(await text(request));
    answer.writeHead(204).end();
  });
  await page.signIn();
  await page.see("::part(stay)");
  await page.click("::part(stay)");
  await page.unwarned();
  await page.see("::part(stay)");
  await page.expired("idle_timeout");
  const [policy, ...others] = policies;
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.deepEqual(others, []);
  assert.deepEqual(reports, []);
  // A violation would have been reported.
  await page.evaluate(() => document.body.insertAdjacentHTML("beforeend", '<p style="color: red">x</p>'));
  await until("a report", () => reports.length > 0);
  assert.match(reports[0], /style-src/);
});
