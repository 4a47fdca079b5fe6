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
    throw new Problem("invalid_header", "Host must be a single name or address, optionally with a port.");
  }
}

/**
 * Rejects a Host other than loopback on a server that does not authenticate: a page could make another name resolve to
 * this machine (DNS rebinding).
 *
 * @throws Problem `misdirected_request`
 */
export function requireLoopback({ url }: HonoRequest): void {
  if (isLoopback(new URL(url).hostname)) return;
  throw new Problem(
    "misdirected_request",
    "This server accepts writes without a token, so it answers only to loopback names.",
  );
}

/** Whether a host name, as `URL` serializes it, always means this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
