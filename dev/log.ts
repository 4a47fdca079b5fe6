import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, relative, resolve } from "node:path";
import { styleText } from "node:util";
import type { LoggedError, RequestEvent } from "../src/http/observe.ts";

/** Puts places in sources for places in a bundle, in the text of a stack. */
export type Locate = (stack: string) => string;

/** A line of the Worker's log as people read it; a line that is no event of a request stays as it is. */
export function forPeople(line: string, locate: Locate = (stack) => stack): string {
  const event = eventIn(line);
  if (!event) return printable(line);
  const { status, method, route, duration_ms, problem, error } = event;
  const colour = status >= 500 ? "red" : status >= 400 ? "yellow" : "green";
  const time = styleText("dim", `${duration_ms.toFixed(1)} ms`);
  const request = `${styleText(colour, `${status}`)} ${printable(method).padEnd(6)} ${route} ${time}`;
  return [problem ? `${request} ${problem}` : request, ...(error ? linesOf(error, locate) : [])].join("\n");
}

function eventIn(line: string): RequestEvent | undefined {
  try {
    const event = JSON.parse(line) as RequestEvent | null;
    return typeof event?.duration_ms === "number" ? event : undefined;
  } catch {
    return undefined;
  }
}

/** The stack begins with name and message, where there is one. */
function linesOf({ name, message, stack, cause }: LoggedError, locate: Locate): string[] {
  const lines = locate(printable(stack ?? `${name}: ${message}`)).split("\n");
  const indented = lines.map((line) => `    ${line}`);
  return cause ? [...indented, "    caused by", ...linesOf(cause, locate)] : indented;
}

/** @param path of the source map that lies beside the bundle */
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

/** Without characters that steer a terminal, as messages may quote anything. */
const printable = (text: unknown) => `${text}`.replace(/(?!\n|\t)\p{Cc}/gu, "");
