// What happens when: the page's view of its session, from the first answer to
// the end. There is one at a time, so it is a module and no class.
import type { SessionExpired, SessionStatus } from "./api.ts";
import { complain } from "./complain.ts";
import * as contact from "./contact.ts";
import * as countdown from "./countdown.ts";
import * as dialog from "./dialog.ts";
import { listen } from "./input.ts";
import { readAnswers } from "./passive.ts";
import { fieldsOf, isReason, isTime, readField, readStatus } from "./status.ts";
import * as tabs from "./tabs.ts";
import * as throttle from "./throttle.ts";
import { type Mark, NEVER, now, since, within } from "./time.ts";

const TICK_MS = 1_000;
/** A tick that comes so late did so because the machine slept. */
const SLEPT_MS = 5_000;
/** The warning waits so long for the server to confirm it. */
const CONFIRM_MS = 300;
/** Input that the leading tab was told of is reported by then, or here. */
const HANDOVER_MS = 1_500;
/** A draft has so long to be saved. */
const SAVE_MS = 2_000;
/** A page that said it is going elsewhere has so long to get there. */
const LEAVING_MS = 5_000;
/** The reason of who has no session: it tells nothing of the one before. */
const UNKNOWN = "session_required";

let host: HTMLElement;
let isOver = true;
let isCovered: boolean;
let isWarned: boolean;
/** What the warning said. */
let wasExtendable: boolean;
let ticked: Mark;
let timer: number | undefined;
let unloading = NEVER;

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
  contact.askIfDue(isCovered);
  timer = setTimeout(tick, delay);
};

const askSoon = (): void => {
  contact.beUnsure();
  tick();
};

// Warning, cover and end.

const warn = async (): Promise<void> => {
  if (isCovered || isWarned) return;
  // Input that was held back may be all that is missing.
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
  dialog.show("warning", said, choice, known.remaining_ms);
};

const cover = (): void => {
  if (isCovered || !countdown.status()) return;
  isCovered = true;
  dialog.show("");
  contact.beUnsure();
};

/** What is shown follows what is known. */
const settle = (): void => {
  const left = countdown.left();
  const wasWarned = isWarned;
  const isEarly = left > countdown.warnAt();
  const isNews = wasWarned && (isEarly || countdown.status()?.extendable !== wasExtendable);
  // With less than a second there would only be a glimpse of the page.
  if (isCovered ? left > TICK_MS : isNews) {
    // If it is not early, the user is warned again.
    isCovered = isWarned = false;
    dialog.close();
    if (wasWarned && isEarly) emit("session-extended", countdown.status());
  }
  tick();
};

const end = async (reason: string): Promise<void> => {
  if (isOver) return;
  dialog.show("ended", reason);
  stop();
  const saving: Promise<unknown>[] = [];
  const detail: SessionExpired = {
    reason,
    waitUntil: (promise) => void saving.push(promise),
  };
  const isOurs = emit("session-expired", detail);
  await within(SAVE_MS, Promise.allSettled(saving));
  if (!isOurs) return dialog.close();
  const login = host.getAttribute("login");
  // Not while the page goes elsewhere by itself, or nowhere at all.
  if (!login || since(unloading) < LEAVING_MS || !navigator.onLine) {
    return dialog.show("ended", reason, "sign-in");
  }
  // From a frame its top page goes.
  if (window !== top) return;
  const return_to = location.pathname.replace(/^\/+/, "/") + location.search;
  location.replace(`${login}?${new URLSearchParams({ reason, return_to })}`);
};

/** Ends it here and in the other tabs. */
const endAll = (reason: string): Promise<void> => {
  tabs.post({ ended: reason });
  return end(reason);
};

// What the server and the other tabs say.

/** Nothing but an answer to a question uncovers the page. */
const adopt = (next: SessionStatus, from: Mark, isAnswer: boolean): void => {
  if (isCovered && !isAnswer) return askSoon();
  countdown.adopt(next, from);
  // Not before: a page without a session would lead, and know nothing.
  tabs.join(`dwell${contact.endpoints}`, hearTab, window === top);
  settle();
};

const hearServer: contact.Hear = (path, from, code, json, input) => {
  if (isOver) return true;
  // What is not taken once will not be taken again.
  if (input && code && code < 500) throttle.done(input);
  const known = countdown.status();
  const next = readStatus(json);
  if (code === 401 || code === 204) {
    // Whoever was refused first had the cookie taken along, and knows the reason.
    const reasons = [
      code === 204 && "signed_out",
      fieldsOf(json)["reason"],
      known && known.remaining_ms < TICK_MS && known.ends_by,
    ];
    const reason = reasons.find((word) => isReason(word) && word !== UNKNOWN) ?? UNKNOWN;
    if (known || code === 204) void endAll(reason as string);
  } else if (next && code === 200) {
    adopt(next, from, path !== undefined);
    if (!isCovered) tabs.post({ status: countdown.status(), input: input && since(input) });
  } else {
    if (code) complain(`no status document (${code}) at ${contact.endpoints}: check "endpoints"`);
    if (isCovered || isWarned) dialog.update(countdown.left(), "unreachable");
    return false;
  }
  return true;
};

const hearTab = ({ input, status: next, ended, closed }: tabs.Message): void => {
  if (!countdown.status()) return;
  const read = readStatus(next);
  if (isReason(ended)) {
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

/** The answers to the page's own requests. They end nothing by themselves. */
const hearPage = ({ type, status: code, headers }: Response): void => {
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
  tabs.post({ input: since(input) });
  setTimeout(() => {
    if (!isOver && !throttle.isReported(input)) void report();
  }, HANDOVER_MS);
};

const addInput = (input: Mark): void => {
  throttle.add(input);
  reportIfDue();
};

// What the application and the user want.

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
    tabs.post({ closed: true });
    dialog.close();
  },
};

export const choose = (choice: dialog.Choice): void => {
  // The dialog says that the server can't be reached.
  ANSWERS[choice]?.().catch(() => {});
};

// What the browser says. Waking up asks, and is no activity (N10).

const wake = (): void => {
  if (!document.hidden) askSoon();
};

const leave = (): void => {
  tabs.leave();
  contact.close();
};

/** Listens to the page, for as long as it lasts; without a session to nothing. */
export const attach = (): void => {
  for (const type of ["visibilitychange", "focus", "online"]) {
    addEventListener(type, wake);
  }
  addEventListener("beforeunload", () => {
    unloading = now();
  });
  addEventListener("pagehide", ({ persisted }) => {
    if (isOver) return;
    if (throttle.isPending()) void report();
    leave();
    // Covered now, it comes back covered: nothing is seen before the answer.
    if (persisted) cover();
  });
  addEventListener("pageshow", ({ persisted }) => {
    if (isOver || !persisted) return;
    cover();
    tick();
  });
  listen(() => {
    // A bumped desk must not answer the warning.
    if (countdown.status() && !isWarned && !isCovered) addInput(now());
  });
  readAnswers(hearPage);
};

export const stop = (): void => {
  isOver = true;
  countdown.forget();
  clearTimeout(timer);
  leave();
};

export const start = (element: HTMLElement): void => {
  host = element;
  isOver = isCovered = isWarned = false;
  ticked = now();
  contact.begin(host.getAttribute("endpoints") ?? "/session", hearServer);
  tick();
};
