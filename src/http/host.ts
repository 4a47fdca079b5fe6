import type { HonoRequest } from "hono";
import { Problem } from "./problem.ts";

/** A name or an address, with an optional port (RFC 9112, 3.2). */
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/**
 * Rejects an invalid or repeated Host, and a target with userinfo. Some runtimes accept them and build the URL from
 * them: `Host: a/b` would become part of the path.
 *
 * @throws Problem `invalid_header`
 */
export function requireHost(request: HonoRequest): void {
  const host = request.header("Host");
  const isInvalid = host !== undefined && !HOST.test(host);
  if (isInvalid || !URL.canParse(request.url) || /^[^/]+\/\/[^/?#]*@/.test(request.url)) {
    throw new Problem("invalid_header", "Host must be one name or address, and perhaps a port.");
  }
}

/**
 * Rejects a Host other than loopback, on a server where nobody has to authenticate: a page could have another name
 * resolve to this machine.
 *
 * @throws Problem `misdirected_request`
 */
export function requireLoopback({ url }: HonoRequest): void {
  if (isLoopback(new URL(url).hostname)) return;
  throw new Problem("misdirected_request", "This open server answers to the names of its own machine alone.");
}

/** Whether a host name, as `URL` writes it, is this machine and no other. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
