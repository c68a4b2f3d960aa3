import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./load.mjs";

const { texts } = await load("texts");
const { duration, languageFor, textIn } = texts;

const KEYS = [
  "warning",
  "final",
  "stay",
  "sign-out",
  "close",
  "ended",
  "idle_timeout",
  "absolute_timeout",
  "sign-in",
  "unreachable",
];

test("every text exists in every language, and differs", () => {
  for (const key of KEYS) {
    const all = ["en", "de", "fr", "es", "ja"].map((lang) => textIn(lang, key));
    assert.ok(all.every(Boolean), key);
    assert.equal(new Set(all).size, 5, key);
  }
});

test("the warning shows the time in every language", () => {
  for (const lang of ["en", "de", "fr", "es", "ja"]) {
    assert.equal(textIn(lang, "warning").split("{time}").length, 2, lang);
  }
});

test("unknown languages fall back to English", () => {
  for (const [tag, lang] of [
    ["en", "en"],
    ["de", "de"],
    ["de-AT", "de"],
    ["fr_CA", "fr"],
    ["JA", "ja"],
    ["it", "en"],
    ["", "en"],
    ["!!", "en"],
    ["deutsch", "en"],
  ]) {
    assert.equal(languageFor(tag, false), lang, tag);
  }
  assert.equal(languageFor("it-CH", true), "it");
  assert.equal(textIn("it", "stay"), "Stay signed in");
  assert.equal(textIn("en", "unheard_of"), "");
});

test("N42: time is in words, below two minutes in seconds", () => {
  assert.equal(duration(58_000, "en"), "58 seconds");
  assert.equal(duration(57_001, "en"), "58 seconds");
  assert.equal(duration(1_000, "en"), "1 second");
  assert.equal(duration(119_000, "en"), "119 seconds");
  assert.equal(duration(120_000, "en"), "2 minutes");
  assert.equal(duration(299_000, "en"), "4 minutes");
  assert.equal(duration(58_000, "de"), "58 Sekunden");
  assert.equal(duration(58_000, "fr").replace(/\s/g, " "), "58 secondes");
  assert.equal(duration(58_000, "es"), "58 segundos");
  assert.equal(duration(58_000, "ja").replace(/\s/g, ""), "58秒");
});
