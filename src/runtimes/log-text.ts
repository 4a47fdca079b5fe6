/** The log for people at a terminal. */
import { styleText } from "node:util";
import type { LoggedError, RequestEvent } from "../http/observe.ts";

/** Replaces the positions in a bundle by positions in the sources, in the text of a stack. */
export type Locate = (stack: string) => string;

/** The event of a request as one line, and below it what went wrong. */
export function requestText(event: RequestEvent, locate: Locate = (stack) => stack): string {
  const { status, method, route, duration_ms, problem, refusal, error } = event;
  const colour = status >= 500 ? "red" : status >= 400 ? "yellow" : "green";
  const time = styleText("dim", `${duration_ms.toFixed(1)} ms`);
  const request = `${styleText(colour, `${status}`)} ${printable(method).padEnd(6)} ${route} ${time}`;
  return [
    problem ? `${request} ${problem}` : request,
    ...(refusal ? [`    ${printable(refusal)}`] : []),
    ...(error ? linesOf(error, locate) : []),
  ].join("\n");
}

/** Formats an error and its causes. A stack already begins with the name and the message. */
function linesOf({ name, message, stack, cause }: LoggedError, locate: Locate): string[] {
  const lines = locate(printable(stack ?? `${name}: ${message}`)).split("\n");
  const indented = lines.map((line) => `    ${line}`);
  return cause ? [...indented, "    caused by", ...linesOf(cause, locate)] : indented;
}

/** Removes control characters, because messages may quote anything and could control the terminal. */
export const printable = (text: unknown) => `${text}`.replace(/(?!\n|\t)\p{Cc}/gu, "");
