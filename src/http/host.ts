import type { HonoRequest } from "hono";
import { Problem } from "./problem.ts";

/** A name or an address, and perhaps a port (RFC 9112, 3.2). */
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/**
 * Refuses a Host that is none, or several, and a target with a user's name in it. Not every runtime does so, and some
 * build the URL of it: `Host: a/b` would become part of the path.
 */
export function requireHost(request: HonoRequest): void {
  const host = request.header("Host");
  const wrong = host !== undefined && !HOST.test(host);
  if (wrong || !URL.canParse(request.url) || /^[^/]+\/\/[^/?#]*@/.test(request.url)) {
    throw new Problem("invalid_header", "Host must be one name or address, and perhaps a port.");
  }
}
