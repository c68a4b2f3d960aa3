// Reading what the server and other tabs say. Nothing is taken on trust: the
// endpoint may be another program's page, or a proxy's error.
import type { SessionStatus } from "./api.ts";

/** Thirty years: a longer time is no session's. */
const LONGEST_MS = 1e12;

export const isTime = (value: unknown): value is number =>
  typeof value === "number" && value >= 0 && value <= LONGEST_MS;

/** Reasons are words such as `idle_timeout`; they go into an address. */
export const isReason = (value: unknown): value is string =>
  typeof value === "string" && /^[a-z_]{1,40}$/.test(value);

type Fields = Partial<Record<string, unknown>>;

/** The fields of an object; of anything else, none. */
export const fieldsOf = (value: unknown): Fields => Object(value) as Fields;

/** A status document; nothing when a field that we use is not right. */
export const readStatus = (value: unknown): SessionStatus | undefined => {
  const status = { granularity_ms: 15_000, ...fieldsOf(value) } as SessionStatus;
  return status.state === "active" &&
    [status.remaining_ms, status.warn_ms, status.granularity_ms].every(isTime) &&
    isReason(status.ends_by) &&
    typeof status.extendable === "boolean"
    ? status
    : undefined;
};

/**
 * The milliseconds left by the field `Session-Timeout`. One that is doubled or
 * written otherwise is not read at all.
 */
export const readField = (text: string | null): number | undefined => {
  const field = /^idle=(\d+), absolute=(\d+), warn=\d+$/.exec(text as string);
  return field ? Math.min(+field[1]!, +field[2]!) * 1_000 : undefined;
};
