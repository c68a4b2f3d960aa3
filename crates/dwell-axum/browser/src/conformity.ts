// Type checks only: `npm run check` fails when the code does not match `api.ts`.
import type * as api from "./api.ts";
import type * as index from "./index.ts";

type Holds<T extends true> = T;

export type ValuesHold = Holds<
  Pick<typeof index, "SessionTimeout" | "markPassive"> extends Pick<
    typeof api,
    "SessionTimeout" | "markPassive"
  >
    ? true
    : false
>;
