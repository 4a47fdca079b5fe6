import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, relative, resolve } from "node:path";
import type { RequestEvent } from "../src/http/observe.ts";
import { type Locate, printable, requestText } from "../src/runtimes/log-text.ts";

/** Formats a line of the Worker's log for a terminal. A line that is not the event of a request is only made printable. */
export function formatLine(line: string, locate?: Locate): string {
  const event = eventIn(line);
  return event ? requestText(event, locate) : printable(line);
}

function eventIn(line: string): RequestEvent | undefined {
  try {
    const event = JSON.parse(line) as RequestEvent | null;
    return typeof event?.duration_ms === "number" ? event : undefined;
  } catch {
    return undefined;
  }
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
