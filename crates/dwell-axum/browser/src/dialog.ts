// What the user sees: the warning, and the cover. Both are one modal dialog.
// It is built by hand and styled by a sheet made by script: so it works under
// a Content-Security-Policy without `unsafe-inline`, and with trusted types.
import type { SessionTimeout } from "./api.ts";
import css from "./style.css";
import { duration, languageFor, textIn } from "./texts.ts";
import { type Mark, now, since } from "./time.ts";

/** Announcements come no more often (N42). */
const ANNOUNCE_MS = 20_000;

/** The text that makes it the warning; under any other it covers the page. */
const WARNING = "warning";

/** What a button asks for; also its text, and its part. */
export type Choice = "stay" | "close" | "sign-in" | "sign-out" | "";

const make = <K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: object,
): HTMLElementTagNameMap[K] => Object.assign(document.createElement(tag), properties);

/** Nothing in a frame: its top page has the say. */
let dialog: HTMLDialogElement | undefined;
let host: SessionTimeout;
let title: HTMLElement;
let time: HTMLElement;
let message: HTMLElement;
let live: HTMLElement;
let main: HTMLButtonElement;
let signOut: HTMLButtonElement;
/** The texts that are shown; nothing while it is closed. */
let heading: string | undefined;
let said: string;
let choice: Choice;
let spoken: Mark;

export const build = (element: SessionTimeout, choose: (choice: Choice) => void): void => {
  host = element;
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet];

  title = make("h1", { part: "title" });
  // It ticks outside of the live region: what is read out is in `live`.
  time = make("span", { part: "time" });
  message = make("p", { part: "message" });
  live = make("p", { role: "status" });
  main = make("button", { onclick: () => choose(choice) });
  signOut = make("button", { part: "sign-out", onclick: () => choose("sign-out") });
  const box = (dialog = make("dialog", {
    // `false` prevents. A key that is held down is no answer, and the tab key
    // goes from one button to the other, never out of the dialog.
    onkeydown({ key, repeat }: KeyboardEvent) {
      if (key !== "Tab") return !repeat;
      (root.activeElement === main ? signOut : main).focus();
      return false;
    },
    // Escape stands for the first button.
    oncancel(event: Event) {
      event.preventDefault();
      choose(choice);
    },
    // Browsers do not ask again before somebody has touched the page.
    onclose() {
      if (box.open || heading === undefined) return;
      box.showModal();
      choose(choice);
    },
  }));
  box.append(title, message, live, main, signOut);
  root.replaceChildren(box);
};

/** Hides what the backdrop does not: what is printed, or lies above. */
const hidePage = (visibility: string): void => {
  document.documentElement.style.visibility = visibility;
};

export const show = (
  newHeading: string,
  newSaid = "",
  newChoice: Choice = "",
  left = 0,
): void => {
  if (!dialog) return;
  const own = host.texts ?? {};
  const tag = host.closest<HTMLElement>("[lang]")?.lang || navigator.language;
  const lang = languageFor(tag, !!own[WARNING]);
  const text = (key: string): string => own[key] ?? textIn(lang, key);
  const isOther = newHeading !== heading || newChoice !== choice;
  const isDue = newSaid !== said || since(spoken) >= ANNOUNCE_MS;
  [heading, said, choice] = [newHeading, newSaid, newChoice];

  const isCover = heading !== WARNING;
  const [before, after] = text(heading).split("{time}");
  time.textContent = duration(left, lang);
  title.replaceChildren(...(isCover ? [before || "…"] : [before as string, time, after as string]));
  message.textContent = text(said);
  Object.assign(main, { textContent: text(choice), part: choice, hidden: !choice });
  Object.assign(signOut, { textContent: text("sign-out"), hidden: isCover });
  const all = `${title.textContent} ${message.textContent}`;
  if (isOther) {
    Object.assign(dialog, { lang, ariaLabel: all, part: isCover ? "dialog cover" : "dialog" });
    if (!dialog.open) dialog.showModal();
    hidePage(isCover ? "hidden" : "");
    (choice ? main : dialog).focus();
  }
  if (isOther || isDue) {
    spoken = now();
    // What the dialog is called is read out by itself.
    live.textContent = isOther ? "" : all;
  }
};

/** What is there goes on counting, and may say something else. */
export const update = (left: number, newSaid = said): void => {
  if (heading !== undefined) show(heading, newSaid, choice, left);
};

export const close = (): void => {
  heading = undefined;
  // First, since focus goes back only to what can be seen.
  hidePage("");
  dialog?.close();
};
