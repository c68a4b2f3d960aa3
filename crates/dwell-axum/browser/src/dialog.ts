// The dialog that the user sees, as a warning or as a cover. It is built and styled
// by script, so it works under a Content-Security-Policy without `unsafe-inline`,
// and with trusted types.
import type { SessionTimeout } from "./api.ts";
import css from "./style.css";
import { duration, languageFor, textIn } from "./texts.ts";
import { type Mark, now, since } from "./time.ts";

/** The least time between two announcements (N42). */
const ANNOUNCE_MS = 20_000;

/** The headings of the warnings. With any other heading the dialog covers the page. */
const WARNINGS = ["warning", "area"];

/** What a button does; also the key of its text, and its part. */
export type Choice = "stay" | "close" | "sign-in" | "sign-out" | "";

const make = <K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: object,
): HTMLElementTagNameMap[K] => Object.assign(document.createElement(tag), properties);

/** `undefined` in a frame: the top page shows the dialog. */
let dialog: HTMLDialogElement | undefined;
let host: SessionTimeout;
let title: HTMLElement;
let time: HTMLElement;
let message: HTMLElement;
let live: HTMLElement;
let main: HTMLButtonElement;
let signOut: HTMLButtonElement;
/** The heading that is shown; `undefined` while the dialog is closed. */
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
  // The ticking time is outside the live region: `live` has the announcements.
  time = make("span", { part: "time" });
  message = make("p", { part: "message" });
  live = make("p", { role: "status" });
  main = make("button", { onclick: () => choose(choice) });
  signOut = make("button", { part: "sign-out", onclick: () => choose("sign-out") });
  const box = (dialog = make("dialog", {
    // `false` prevents the default. A held key is no answer, and Tab moves between
    // the two buttons, never out of the dialog.
    onkeydown({ key, repeat }: KeyboardEvent) {
      if (key !== "Tab") return !repeat;
      (root.activeElement === main ? signOut : main).focus();
      return false;
    },
    // Escape acts like the first button.
    oncancel(event: Event) {
      event.preventDefault();
      choose(choice);
    },
    // Browsers may close the dialog on a second Escape without `cancel`.
    onclose() {
      if (box.open || heading === undefined) return;
      box.showModal();
      choose(choice);
    },
  }));
  box.append(title, message, live, main, signOut);
  root.replaceChildren(box);
};

/** Hides what the backdrop can't: printed pages, and elements above it. */
const hidePage = (visibility: string): void => {
  document.documentElement.style.visibility = visibility;
};

export const show = (
  newHeading: string,
  newSaid = "",
  newChoice: Choice = "",
  left = 0,
): void => {
  if (!dialog?.isConnected) return;
  const own = host.texts ?? {};
  const tag = host.closest<HTMLElement>("[lang]")?.lang || navigator.language;
  const lang = languageFor(tag, !!own["warning"]);
  const text = (key: string): string => own[key] ?? textIn(lang, key);
  const isOther = newHeading !== heading || newChoice !== choice;
  const isDue = newSaid !== said || since(spoken) >= ANNOUNCE_MS;
  [heading, said, choice] = [newHeading, newSaid, newChoice];

  const isCover = !WARNINGS.includes(heading);
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
    // Screen readers announce the dialog's label themselves.
    live.textContent = isOther ? "" : all;
  }
};

/** Updates the time, and maybe the message, of an open dialog. */
export const update = (left: number, newSaid = said): void => {
  if (heading !== undefined) show(heading, newSaid, choice, left);
};

export const close = (): void => {
  heading = undefined;
  // First, because focus returns to visible elements only.
  hidePage("");
  dialog?.close();
};
