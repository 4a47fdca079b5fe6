import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, relative, resolve } from "node:path";
import { styleText } from "node:util";
import type { LoggedError, RequestEvent } from "../src/http/observe.ts";

/** Replaces the positions in a bundle by positions in the sources, in the text of a stack. */
export type Locate = (stack: string) => string;

/** Formats a line of the Worker's log for a terminal. A line that is not the event of a request is only made printable. */
export function formatLine(line: string, locate: Locate = (stack) => stack): string {
  const event = eventIn(line);
  if (!event) return printable(line);
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

function eventIn(line: string): RequestEvent | undefined {
  try {
    const event = JSON.parse(line) as RequestEvent | null;
    return typeof event?.duration_ms === "number" ? event : undefined;
  } catch {
    return undefined;
  }
}

/** Formats an error and its causes. A stack already begins with the name and the message. */
function linesOf({ name, message, stack, cause }: LoggedError, locate: Locate): string[] {
  const lines = locate(printable(stack ?? `${name}: ${message}`)).split("\n");
  const indented = lines.map((line) => `    ${line}`);
  return cause ? [...indented, "    caused by", ...linesOf(cause, locate)] : indented;
}

/** @param path the path of the source map, which is next to the bundle */
export function locateBy(path: string): Locate {
  const map = new SourceMap(JSON.parse(readFileSync(path, "utf8")));
  return (stack) =>
    stack.replace(/file:\S+\/worker\.js:(\d+):(\d+)/g, (place, line, column) => {
      const origin = map.findOrigin(Number(line), Number(column));
      if (!("fileName" in origin)) return place;
      const file = relative(process.cwd(), resolve(dirname(path), origin.fileName));
      return `${file}:${origin.lineNumber}:${origin.columnNumber}`;
    });
}

/** Removes control characters, because messages may quote anything and could control the terminal. */
const printable = (text: unknown) => `${text}`.replace(/(?!\n|\t)\p{Cc}/gu, "");
