// The tabs of one browser share their status, and one of them leads.
import { fieldsOf } from "./status.ts";

/** A message from one tab to the others. Contains no secrets. */
export interface Message {
  /** The reference of the sender's session. */
  session?: unknown;
  /** Input happened this many milliseconds ago; with a status: it was reported. */
  input?: unknown;
  /** A status, as of now. */
  status?: unknown;
  /** The session is over, for this reason. */
  ended?: unknown;
  /** The notice that it can't be extended was closed. */
  closed?: unknown;
}

let channel: BroadcastChannel | undefined;
let release: ((value: unknown) => void) | undefined;

export let isLeading = false;

export const post = (message: Message): void => channel?.postMessage(message);

export const leave = (): void => {
  channel?.close();
  channel = undefined;
  isLeading = false;
  release?.(0);
};

/** Joins the tabs that share this name. Without locks, every tab leads. */
export const join = (name: string, hear: (message: Message) => void, mayLead: boolean): void => {
  if (channel) return;
  const mine = (channel = new BroadcastChannel(name));
  mine.onmessage = ({ data }) => hear(fieldsOf(data));
  if (!mayLead) return;
  const hold = () => {
    if (mine !== channel) return undefined;
    isLeading = true;
    return new Promise((resolve) => (release = resolve));
  };
  if (navigator.locks) void navigator.locks.request(name, hold);
  else isLeading = true;
};
