// The custom element: attributes, properties and methods.
import type { SessionStatus, SessionTexts, SessionTimeout as Declared } from "./api.ts";
import { complain, NAME } from "./complain.ts";
import * as countdown from "./countdown.ts";
import * as dialog from "./dialog.ts";
import * as session from "./session.ts";

/** The element that is at work on this page. */
let working: Element | undefined;

class Element extends HTMLElement implements Declared {
  // Only declared: a field would hide what was set before this was defined.
  declare texts?: Partial<SessionTexts>;

  connectedCallback(): void {
    if (working) return complain("ignored: not the first");
    // Only in a page of our own origin there is a frame element to be seen.
    if (window === top) dialog.build(this, session.choose);
    else if (!frameElement || parent !== top) return complain("ignored: in a foreign frame");
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

/** The element's class; that of the first, when the script was loaded twice. */
export const define = (): typeof Element => {
  const defined = customElements.get(NAME) as typeof Element | undefined;
  if (defined) return defined;
  session.attach();
  customElements.define(NAME, Element);
  return Element;
};
