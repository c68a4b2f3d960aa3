export const NAME = "session-timeout";

let last: string | undefined;

/** Tells who looks at the console, and not the same thing twice. */
export const complain = (what: string): void => {
  if (what !== last) console.warn(`<${NAME}>: ${(last = what)}`);
};
