// The custom element: attributes, properties and methods.
import type { SessionStatus, SessionTexts, SessionTimeout as Declared } from "./api.ts";
import { complain, NAME } from "./complain.ts";
import * as countdown from "./countdown.ts";
import * as dialog from "./dialog.ts";
import * as session from "./session.ts";

/** The one element that works on this page. */
let working: Element | undefined;

class Element extends HTMLElement implements Declared {
  // Only declared: a field would hide a value set before the element was defined.
  declare texts?: Partial<SessionTexts>;

  connectedCallback(): void {
    if (working) return complain("ignored: not the first");
    // `frameElement` is visible in same-origin frames only.
    const isFramed = window !== top;
    if (this.ownerDocument !== document || (isFramed && (!frameElement || parent !== top))) {
      return complain("ignored: in a foreign frame");
    }
    if (!isFramed) dialog.build(this, session.choose);
    working = this;
    session.start(this);
  }

  disconnectedCallback(): void {
    if (working !== this) return;
    working = undefined;
    session.stop();
    dialog.close();
  }

  get status(): SessionStatus | null {
    return countdown.status() ?? null;
  }

  extend(): Promise<SessionStatus | null> {
    return session.extend();
  }

  signOut(): Promise<void> {
    return session.signOut();
  }
}

/** Defines the element; returns the first class if the script was loaded twice. */
export const define = (): typeof Element => {
  const defined = customElements.get(NAME) as typeof Element | undefined;
  if (defined) return defined;
  session.attach();
  customElements.define(NAME, Element);
  return Element;
};
