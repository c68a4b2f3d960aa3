// Validates data from the server and other tabs: the endpoint may be another
// program's page, or a proxy's error.
import type { SessionStatus } from "./api.ts";

/** Thirty years, longer than any session. */
const LONGEST_MS = 1e12;

export const isTime = (value: unknown): value is number =>
  typeof value === "number" && value >= 0 && value <= LONGEST_MS;

/** Reasons are words such as `idle_timeout`; they are put into an address. */
export const isReason = (value: unknown): value is string =>
  typeof value === "string" && /^[a-z_]{1,40}$/.test(value);

type Fields = Partial<Record<string, unknown>>;

/** The fields of an object; none of any other value. */
export const fieldsOf = (value: unknown): Fields => Object(value) as Fields;

/** A status document; `undefined` if a field that we use is wrong. */
export const readStatus = (value: unknown): SessionStatus | undefined => {
  const status = { granularity_ms: 15_000, ...fieldsOf(value) } as SessionStatus;
  return status.state === "active" &&
    [status, status.area ?? status].every((limits) => isTime(limits.remaining_ms) && isTime(limits.warn_ms)) &&
    isTime(status.granularity_ms) &&
    isReason(status.ends_by) &&
    typeof status.extendable === "boolean"
    ? status
    : undefined;
};

/**
 * The milliseconds left by the header field `Session-Timeout`; `undefined` if it is
 * doubled or malformed.
 */
export const readField = (text: string | null): number | undefined => {
  const field = /^idle=(\d+), absolute=(\d+), warn=\d+$/.exec(text as string);
  return field ? Math.min(+field[1]!, +field[2]!) * 1_000 : undefined;
};
