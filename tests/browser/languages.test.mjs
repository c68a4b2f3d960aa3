// Each language shows its own texts, with numbers and units from the browser.

import assert from "node:assert/strict";

import { adapt, dialog, signOut, stay, warned } from "./harness/dialog.mjs";
import { scene } from "./harness/scene.mjs";

const EARLY = { idle: "12s", absolute: "10m", warn: "6s" };

// Repeated here, so that a wrong table is noticed.
const WORDS = {
  de: { stay: "Angemeldet bleiben", signOut: "Abmelden", seconds: /\d+ Sekunden?/ },
  fr: { stay: "Rester connecté", signOut: "Se déconnecter", seconds: /\d+\s+secondes?/ },
  es: { stay: "Seguir conectado", signOut: "Cerrar sesión", seconds: /\d+ segundos?/ },
  ja: { stay: "ログインを続ける", signOut: "ログアウト", seconds: /\d+\s?秒/ },
};

for (const [lang, words] of Object.entries(WORDS)) {
  scene(`the texts in ${lang}`, { policy: EARLY }, async (stage) => {
    const visitor = await stage.visitor();
    await adapt(visitor.context, (element, lang) => element.setAttribute("lang", lang), lang);
    const page = await visitor.open("/login");
    await visitor.signIn(page);
    await warned(page);
    assert.equal((await stay(page).innerText()).trim(), words.stay);
    assert.equal((await signOut(page).innerText()).trim(), words.signOut);
    const text = await dialog(page).innerText();
    assert.match(text, words.seconds);
    assert.doesNotMatch(text, /session will|stay signed|\{time\}/i);
    // Screen readers choose the voice by this.
    const spokenAs = await dialog(page).evaluate((element) => {
      for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) if (at.lang) return at.lang;
      return "";
    });
    assert.equal(spokenAs, lang);
  });
}

scene("the page's language wins over the browser's", { policy: EARLY }, async (stage) => {
  const visitor = await stage.visitor({ locale: "fr-CH" });
  await adapt(visitor.context, () => document.documentElement.setAttribute("lang", "de-AT"));
  const page = await visitor.open("/login");
  await visitor.signIn(page);
  await warned(page);
  assert.equal((await stay(page).innerText()).trim(), WORDS.de.stay);

  const other = await stage.visitor({ locale: "fr-CH" });
  await adapt(other.context, () => document.documentElement.removeAttribute("lang"));
  const second = await other.open("/login");
  await other.signIn(second);
  await warned(second);
  assert.equal((await stay(second).innerText()).trim(), WORDS.fr.stay);
});

scene("an untranslated language falls back to English", { policy: EARLY }, async (stage) => {
  const visitor = await stage.visitor({ locale: "fr-CH" });
  await adapt(visitor.context, (element) => element.setAttribute("lang", "x-unknown"));
  const page = await visitor.open("/login");
  await visitor.signIn(page);
  await warned(page);
  assert.equal((await stay(page).innerText()).trim(), "Stay signed in");
});

scene("an application can bring its own words", { policy: EARLY }, async (stage) => {
  const { page } = await stage.signedIn();
  await page.evaluate(() => {
    document.querySelector("session-timeout").texts = { stay: "I am still here" };
  });
  await warned(page);
  assert.equal((await stay(page).innerText()).trim(), "I am still here");
  assert.equal((await signOut(page).innerText()).trim(), "Sign out");
});
