// The module: loading it defines the element.
import { define } from "./element.ts";

export type * from "./api.ts";
export { markPassive, requests } from "./passive.ts";
export const SessionTimeout = define();
