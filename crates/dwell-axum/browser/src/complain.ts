export const NAME = "session-timeout";

let last: string | undefined;

/** Warns on the console, unless the last warning was the same. */
export const complain = (what: string): void => {
  if (what !== last) console.warn(`<${NAME}>: ${(last = what)}`);
};
