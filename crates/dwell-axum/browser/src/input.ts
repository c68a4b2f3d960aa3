// Input of a person, in the page, in its frames and in the windows that it opened, as
// far as they are of its origin. Frames of other origins may report theirs. Events
// dispatched by a script are not `isTrusted`, but scrolling by a script is, so
// scrolling counts only shortly after a gesture. A held key counts once.
import { fieldsOf } from "./status.ts";
import { NEVER, now, since } from "./time.ts";

const GESTURE_MS = 500;

const TYPES = [
  "pointerdown",
  "pointermove",
  "keydown",
  "wheel",
  "touchstart",
  "compositionupdate",
  "scroll",
];
const OPTIONS = { capture: true, passive: true };

let heard: (origin?: string) => void;
let gesture = NEVER;
let place = "";
const opened = new Set<Window>();

const hear = (event: Event): void => {
  const { type, isTrusted, currentTarget, repeat, screenX, screenY, movementX, movementY } =
    event as KeyboardEvent & PointerEvent;
  // A window that the page opened may be all that is visible.
  if (!isTrusted || repeat || (currentTarget as Window).document.hidden) return;
  if (type === "scroll") {
    if (since(gesture) > GESTURE_MS) return;
  } else {
    // Some systems send a move without movement, such as when a window opens. Under
    // a pointer lock the place stays.
    const isStill = place === (place = `${screenX} ${screenY}`) && !movementX && !movementY;
    if (type === "pointermove" && isStill) return;
    gesture = now();
  }
  heard();
};

/** Listens in a frame that has loaded, or that the pointer enters. */
const enter = (event: Event): void =>
  watch((event.composedPath()[0] as HTMLIFrameElement).contentWindow as Window);

/**
 * Listens in a window and its frames. Repeating it is harmless, and needed: a frame's
 * next document, and `document.open`, lose the listeners.
 */
const watch = (win: Window): void => {
  try {
    for (const type of TYPES) win.addEventListener(type, hear, OPTIONS);
    for (const type of ["load", "pointerover"]) win.document.addEventListener(type, enter, OPTIONS);
    for (let n = 0; n < win.length; n++) watch(win[n] as Window);
    // Frames in shadow roots are not among these: one of them may have the focus.
    let focused = win.document.activeElement;
    while (focused?.shadowRoot) focused = focused.shadowRoot.activeElement;
    watch((focused as HTMLIFrameElement).contentWindow as Window);
  } catch {
    // It is of another origin, or no frame.
  }
};

/** Looks for new frames, and for new documents in known ones. */
export const lookAround = (): void => {
  watch(window);
  for (const win of opened) win.closed ? opened.delete(win) : watch(win);
};

/** Listens from now on. Input in a frame of another origin comes with that origin. */
export const listen = (listener: (origin?: string) => void): void => {
  heard = listener;
  const { open } = window;
  window.open = (...what) => {
    const win = open(...what);
    if (win) opened.add(win);
    return win;
  };
  addEventListener("message", ({ origin, source, data }) => {
    if (
      fieldsOf(data)["type"] === "session-timeout-input" &&
      // From a frame of this page, not from any window that can reach it.
      (source as Window | null)?.top === top &&
      !document.hidden
    ) {
      heard(origin);
    }
  });
};
