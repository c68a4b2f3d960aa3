// Input of a person. What a script dispatches is not `isTrusted`, but scrolling
// by a script is: so scrolling counts only just after a gesture. A key that is
// held down, by a finger or by a book, counts once.
import { NEVER, now, since } from "./time.ts";

const GESTURE_MS = 500;

export const listen = (heard: () => void): void => {
  let gesture = NEVER;
  let place = "";
  const hear = (event: Event): void => {
    const { type, isTrusted, repeat, screenX, screenY } = event as KeyboardEvent & PointerEvent;
    if (!isTrusted || repeat || document.hidden) return;
    if (type === "scroll") {
      if (since(gesture) > GESTURE_MS) return;
    } else {
      // Some systems send a move without one, for instance when a window opens.
      if (type === "pointermove" && place === (place = `${screenX} ${screenY}`)) return;
      gesture = now();
    }
    heard();
  };
  for (const type of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart", "scroll"]) {
    addEventListener(type, hear, { capture: true, passive: true });
  }
};
