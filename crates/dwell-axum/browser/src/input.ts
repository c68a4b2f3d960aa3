// Input of a person. Events dispatched by a script are not `isTrusted`, but scrolling
// by a script is, so scrolling counts only shortly after a gesture. A held key counts
// once.
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
      // Some systems send a move without movement, such as when a window opens.
      if (type === "pointermove" && place === (place = `${screenX} ${screenY}`)) return;
      gesture = now();
    }
    heard();
  };
  for (const type of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart", "scroll"]) {
    addEventListener(type, hear, { capture: true, passive: true });
  }
};
