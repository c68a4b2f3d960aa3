// What an application sees. The build copies this file to
// `dist/session-timeout.d.ts`; `conformity.ts` holds the code to it.

/** The session as the server last described it, as of now. */
export interface SessionStatus {
  readonly state: "active";
  /** The session's reference: another one means another session. */
  readonly session?: string;
  /** Milliseconds until the session ends. */
  readonly remaining_ms: number;
  /** The reason that the end will have, such as `idle_timeout`. */
  readonly ends_by: string;
  /** Whether staying is still possible: not when the absolute timeout is next. Where
   * the page's area closes before the session ends, these four speak of the area. */
  readonly extendable: boolean;
  /** How long before the end the server wants the user to be warned. */
  readonly warn_ms: number;
  /** The server records activity no more often than this. */
  readonly granularity_ms: number;
  /** The area that the attribute `policy` names. */
  readonly area?: SessionArea | undefined;
  /** What else its document says, as of then. */
  readonly [field: string]: unknown;
}

/** How long pages under a policy stay open. The session goes on after it. */
export interface SessionArea {
  /** Milliseconds until the pages ask for authentication; 0 if they do now. */
  readonly remaining_ms: number;
  /** How long before that the server wants the user to be warned. */
  readonly warn_ms: number;
  /** Whether activity still moves that instant. */
  readonly extendable: boolean;
}

/**
 * The words that the user reads. A word for any other reason of the server can
 * be added under that reason's name.
 */
export interface SessionTexts {
  /** The warning; `{time}` is replaced by "58 seconds". */
  warning: string;
  /** What is said below it when the session can't be extended. */
  final: string;
  /** Button: stay signed in. */
  stay: string;
  /** Button: sign out. */
  "sign-out": string;
  /** Button: close the notice that the session can't be extended. */
  close: string;
  /** The warning that the page's area closes; `{time}` as above. */
  area: string;
  /** Title once the session is over. */
  ended: string;
  /** Message once it is over, by reason. */
  idle_timeout: string;
  absolute_timeout: string;
  /** Button: sign in again. Also the title once the page's area is closed; the text
   * `step_up_required`, if you add it, is the message then. */
  "sign-in": string;
  /** Message while the server does not answer. */
  unreachable: string;
  [reason: string]: string;
}

/** Detail of `session-expired`. */
export interface SessionExpired {
  /** Why the session ended, such as `idle_timeout` or `signed_out`. */
  readonly reason: string;
  /**
   * Puts off what comes next, by two seconds at most: to save a draft. Requests by
   * `fetch` that may change something are waited for as long; if one still runs
   * then, the page stays covered, with a button.
   */
  waitUntil(promise: Promise<unknown>): void;
}

/**
 * The element `<session-timeout>`. Attributes: `endpoints`, `login`, `dialog`, `lang`;
 * `session`, the reference of the session that the page was made for; and `frames`,
 * the origins whose frames may report input by posting
 * `{ type: "session-timeout-input" }` to this page.
 */
export declare class SessionTimeout extends HTMLElement {
  /** Words of one's own in place of the built-in ones. */
  texts?: Partial<SessionTexts>;
  /** A frozen copy as of now; `null` when no session is known to be live. */
  get status(): SessionStatus | null;
  /**
   * "Stay signed in". `null` when the session turns out to be over; rejects
   * when the server gives no usable answer.
   */
  extend(): Promise<SessionStatus | null>;
  /** Ends the session; rejects when the server gives no usable answer. */
  signOut(): Promise<void>;
}

/**
 * From now on, same-origin requests by `fetch` while the page is hidden carry
 * `Session-Activity: passive`, unless they say something themselves.
 */
export declare function markPassive(): void;

declare global {
  interface HTMLElementTagNameMap {
    "session-timeout": SessionTimeout;
  }
  interface HTMLElementEventMap {
    "session-warning": CustomEvent<SessionStatus>;
    "session-extended": CustomEvent<SessionStatus>;
    "session-expired": CustomEvent<SessionExpired>;
  }
}
