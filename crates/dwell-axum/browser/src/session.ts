// The page's view of its session, from the first answer to the end. A page has one
// session at a time, so this is a module and not a class.
import type { SessionExpired, SessionStatus } from "./api.ts";
import { complain } from "./complain.ts";
import * as contact from "./contact.ts";
import * as countdown from "./countdown.ts";
import * as dialog from "./dialog.ts";
import { listen, lookAround } from "./input.ts";
import { cameBack, isBusy, listenForLeaving, sending } from "./leaving.ts";
import { type Answer, readAnswers } from "./passive.ts";
import { fieldsOf, isReason, isTime, readField, readStatus } from "./status.ts";
import * as tabs from "./tabs.ts";
import * as throttle from "./throttle.ts";
import { type Mark, now, since, within } from "./time.ts";

const TICK_MS = 1_000;
/** A tick this late means that the machine slept. */
const SLEPT_MS = 5_000;
/** How long the warning waits for the server's confirmation. */
const CONFIRM_MS = 300;
/** How long the leading tab may take to report input before this tab does. */
const HANDOVER_MS = 1_500;
/** How long saving a draft, or what else the page sends, is waited for. */
const SAVE_MS = 2_000;
/** The reason without a session: it does not say why the last one ended. */
const UNKNOWN = "session_required";
/** The reason when the browser has another session now. */
const OTHER = "superseded";

let host: HTMLElement;
let isOver = true;
let isCovered: boolean;
let isWarned: boolean;
/** Whether the session was extendable when the warning was shown. */
let wasExtendable: boolean;
let ticked: Mark;
let timer: number | undefined;

const emit = (type: string, detail: unknown): boolean =>
  host.dispatchEvent(
    new CustomEvent(type, { bubbles: true, composed: true, cancelable: true, detail }),
  );

const tick = (): void => {
  clearTimeout(timer);
  if (isOver) return;
  let delay = TICK_MS;
  const known = countdown.status();
  if (known) {
    lookAround();
    if (since(ticked) > SLEPT_MS && !document.hidden) contact.beUnsure();
    const left = countdown.left();
    const early = left - countdown.warnAt();
    if (left <= 0) {
      cover();
    } else {
      dialog.update(left);
      if (early <= 0) void warn();
      delay = Math.min(left % TICK_MS || TICK_MS, early > 0 ? early : TICK_MS);
    }
    reportIfDue();
    if (tabs.isLeading) contact.open();
  }
  ticked = now();
  contact.askIfDue(isCovered && !countdown.isAreaClosed());
  timer = setTimeout(tick, delay);
};

const askSoon = (): void => {
  contact.beUnsure();
  tick();
};

// Warning, cover and end.

const warn = async (): Promise<void> => {
  if (isCovered || isWarned) return;
  // Reporting pending input may make the warning unnecessary.
  await within(
    CONFIRM_MS,
    throttle.isPending() ? report() : countdown.age() > TICK_MS && contact.ask(),
  );
  const known = countdown.status();
  if (!known || isCovered || isWarned || known.remaining_ms > countdown.warnAt()) return;
  isWarned = true;
  wasExtendable = known.extendable;
  if (!emit("session-warning", known) || host.getAttribute("dialog") === "none") return;
  const [said, choice] = known.extendable ? (["", "stay"] as const) : (["final", "close"] as const);
  const heading = countdown.isAreaNext() ? "area" : "warning";
  dialog.show(heading, said, choice, known.remaining_ms);
};

const hide = (): void => {
  isCovered = true;
  dialog.show("");
  contact.beUnsure();
};

const cover = (): void => {
  if (!isCovered && countdown.status()) hide();
};

/** Updates the dialog after a new status. */
const settle = (): void => {
  const left = countdown.left();
  const wasWarned = isWarned;
  const isEarly = left > countdown.warnAt();
  const isNews = wasWarned && (isEarly || countdown.status()?.extendable !== wasExtendable);
  // With less than a second left, the page would only flash up.
  if (isCovered ? left > TICK_MS : isNews) {
    // The next tick warns again if the warning is still due.
    isCovered = isWarned = false;
    dialog.close();
    if (wasWarned && isEarly) emit("session-extended", countdown.status());
  } else if (isCovered && countdown.isAreaClosed()) {
    // The session goes on. A reload leads to the authentication that the page asks for.
    dialog.show("sign-in", "step_up_required", "sign-in");
  }
  tick();
};

/** Ends the page. With `stays` a reload, not the login page, is what comes next. */
const end = async (reason: string, stays = false): Promise<void> => {
  if (isOver) return;
  dialog.show("ended", reason);
  stop();
  const saving: Promise<unknown>[] = [];
  const detail: SessionExpired = {
    reason,
    waitUntil: (promise) => void saving.push(promise),
  };
  const isOurs = emit("session-expired", detail);
  await within(SAVE_MS, Promise.allSettled([...saving, ...sending]));
  if (!isOurs) return dialog.close();
  const offer = () => dialog.show("ended", reason, "sign-in");
  const login = host.getAttribute("login");
  if (stays || !login || isBusy() || !navigator.onLine) return offer();
  // In a frame, the top page navigates.
  if (window !== top) return;
  const return_to = location.pathname.replace(/^\/+/, "/") + location.search;
  location.replace(`${login}?${new URLSearchParams({ reason, return_to })}`);
  // The page may keep the user by `beforeunload`.
  setTimeout(() => isOver && offer(), TICK_MS);
};

/** Ends the session in this tab and the others. */
const endAll = (reason: string): Promise<void> => {
  post({ ended: reason });
  return end(reason);
};

// Messages from the server and the other tabs.

const post = (message: tabs.Message): void =>
  tabs.post({ session: countdown.own, ...message });

/** Only the answer to a question uncovers the page. */
const adopt = (next: SessionStatus, from: Mark, isAnswer: boolean): void => {
  if (isCovered && !isAnswer) return askSoon();
  countdown.adopt(next, from);
  // Activity elsewhere may have kept the area open, which only the server knows.
  if (!isAnswer && countdown.isAreaNext()) contact.beUnsure();
  // Not earlier: a page without a session must not lead the tabs.
  tabs.join(`dwell${contact.endpoints}`, hearTab, window === top);
  settle();
};

const hearServer: contact.Hear = (path, from, code, json, input) => {
  if (isOver) return true;
  // Input that the server refused is not reported again.
  if (input && code && code < 500) throttle.done(input);
  const known = countdown.status();
  const next = readStatus(json);
  if (code === 401 || code === 204) {
    // Only the first refusal has the reason: it also removes the cookie.
    const reasons = [
      code === 204 && "signed_out",
      fieldsOf(json)["reason"],
      known && known.remaining_ms < TICK_MS && known.ends_by,
    ];
    const reason = reasons.find((word) => isReason(word) && word !== UNKNOWN) ?? UNKNOWN;
    // A stream may outlive the change to another session.
    const isOurs = countdown.isOwned() && !countdown.isOther(fieldsOf(json)["session"]);
    if (code === 204 || isOurs) void endAll(reason as string);
    // The browser kept this page from a session that may have been anybody's.
    else if (isCovered) location.reload();
  } else if (next && code === 200) {
    if (countdown.isOther(next.session)) {
      // The other tabs of the page's session hear of it, too (N71).
      tabs.post({ session: next.session, status: next });
      void end(OTHER, true);
    } else {
      adopt(next, from, path !== undefined);
      if (!isCovered) post({ status: countdown.shared(), input: input && since(input) });
    }
  } else {
    if (code) complain(`no status document (${code}) at ${contact.endpoints}: check "endpoints"`);
    if (isCovered || isWarned) dialog.update(countdown.left(), "unreachable");
    return false;
  }
  return true;
};

const hearTab = ({ session, input, status: next, ended, closed }: tabs.Message): void => {
  if (!countdown.status()) return;
  const read = readStatus(next);
  if (countdown.isOther(session)) {
    // It may be the session before this page's: only the server knows which is now.
    if (read && countdown.isNews(read)) {
      cover();
      askSoon();
    }
  } else if (isReason(ended)) {
    void end(ended);
  } else if (read) {
    if (isTime(input)) throttle.done(now() - input);
    adopt(read, now(), false);
  } else if (isTime(input)) {
    if (tabs.isLeading) addInput(now() - input);
  } else if (closed && isWarned && !wasExtendable && !isCovered) {
    dialog.close();
  }
};

/** Handles answers to the page's own requests. They never end the session. */
const hearPage = ({ type, status: code, headers }: Answer): void => {
  if (isOver || type !== "basic") return;
  const field = readField(headers.get("session-timeout"));
  if (field && !isCovered) {
    countdown.adoptField(field, Date.parse(headers.get("date") as string));
    settle();
  } else if (field || code === 401) {
    askSoon();
  }
};

// Input, here and in other tabs.

const report = (): Promise<unknown> => contact.call("/activity", throttle.begin());

const reportIfDue = (): void => {
  const known = countdown.status();
  if (!known || isCovered || !throttle.isDue(known.granularity_ms)) return;
  if (tabs.isLeading) return void report();
  const input = throttle.begin();
  post({ input: since(input) });
  setTimeout(() => {
    if (!isOver && !throttle.isReported(input)) void report();
  }, HANDOVER_MS);
};

const addInput = (input: Mark): void => {
  throttle.add(input);
  reportIfDue();
};

// Commands of the application and the user.

const want = async (path: string): Promise<void> => {
  if (!isOver && !(await contact.call(path))) throw new Error("no answer");
};

export const extend = async (): Promise<SessionStatus | null> => {
  const before = isWarned;
  await want("/extend");
  const known = countdown.status() ?? null;
  if (known && !before) emit("session-extended", known);
  return known;
};

export const signOut = (): Promise<void> => want("/end");

const ANSWERS: Partial<Record<dialog.Choice, () => Promise<unknown>>> = {
  stay: extend,
  "sign-out": signOut,
  "sign-in": async () => location.reload(),
  async close() {
    post({ closed: true });
    dialog.close();
  },
};

export const choose = (choice: dialog.Choice): void => {
  // The dialog shows already that the server can't be reached.
  ANSWERS[choice]?.().catch(() => {});
};

// Events of the browser. Waking up asks and is no activity (N10).

const wake = (): void => {
  if (!document.hidden) askSoon();
};

const leave = (): void => {
  tabs.leave();
  contact.close();
};

/** Adds the page's listeners, once. Without a session they do nothing. */
export const attach = (): void => {
  for (const type of ["visibilitychange", "focus", "online"]) {
    addEventListener(type, wake);
  }
  listenForLeaving();
  addEventListener("pagehide", ({ persisted }) => {
    if (isOver) return;
    if (throttle.isPending()) void report();
    leave();
    // Covered now, so that a restored page shows nothing before the answer.
    if (persisted) cover();
  });
  addEventListener("pageshow", ({ persisted }) => {
    if (isOver || !persisted) return;
    cameBack();
    cover();
    tick();
  });
  listen((origin) => {
    // Moving the pointer by accident must not answer the warning.
    if (!countdown.status() || isWarned || isCovered) return;
    if (!origin || host.getAttribute("frames")?.split(/\s+/).includes(origin)) addInput(now());
  });
  readAnswers(hearPage);
};

export const stop = (): void => {
  isOver = true;
  countdown.forget(null);
  clearTimeout(timer);
  leave();
};

export const start = (element: HTMLElement): void => {
  host = element;
  isOver = isCovered = isWarned = false;
  ticked = now();
  countdown.forget(host.getAttribute("session"));
  contact.begin(
    host.getAttribute("endpoints") ?? "/session",
    host.getAttribute("policy"),
    hearServer,
  );
  // The browser shows a page that it has kept: "back", a duplicated or restored tab.
  const [entry] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  if (entry?.type === "back_forward" && !entry.transferSize) hide();
  tick();
};
