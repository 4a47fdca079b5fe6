import type { HonoRequest } from "hono";
import { isLoopback } from "./host.ts";
import { POSITION } from "./position.ts";
import type { Role } from "./route.ts";

const EXPOSED = [
  "ETag",
  "Idempotency-Replayed",
  "Link",
  "Location",
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  POSITION,
  "X-Request-Id",
].join();

/** CORS always permits POST. Without permission to send Content-Type, a page cannot POST JSON. */
const READ = {
  methods: "GET,HEAD",
  headers: `Authorization,If-Match,If-None-Match,${POSITION},X-Request-Id`,
};
const WRITE = {
  methods: "GET,HEAD,POST,PUT,PATCH,DELETE",
  headers: `Content-Type,Idempotency-Key,${READ.headers}`,
};

/** The maximum in Chromium. Without the header, browsers repeat the preflight after five seconds. */
const MAX_AGE_SECONDS = "7200";

/** Makes the CORS headers. */
export interface CrossOrigin {
  /** Adds the headers that let a page read the response of a route with this role. */
  allowOrigin(request: HonoRequest, role: Role, headers: Record<string, string>): void;
  /** The additional headers of a preflight response. */
  preflight(request: HonoRequest): Record<string, string>;
}

/**
 * Pages of the given origins may use every method; all others may read. On an open server, which does not authenticate,
 * pages of this machine may use every method; all others may read only public routes.
 */
export function crossOriginOf(origins: readonly string[], isOpen: boolean): CrossOrigin {
  const varies = isOpen || origins.length > 0;
  const writerOf = (request: HonoRequest): string | undefined => {
    const origin = request.header("Origin");
    if (origin === undefined) return undefined;
    return origins.includes(origin) || (isOpen && isLoopbackOrigin(origin)) ? origin : undefined;
  };
  return {
    allowOrigin(request, role, headers) {
      if (varies) headers.Vary = "Origin";
      const origin = writerOf(request) ?? (isOpen && role !== "public" ? undefined : "*");
      if (origin === undefined) return;
      headers["Access-Control-Allow-Origin"] = origin;
      headers["Access-Control-Expose-Headers"] = EXPOSED;
    },
    preflight(request) {
      const { methods, headers } = writerOf(request) ? WRITE : READ;
      return {
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": headers,
        "Access-Control-Max-Age": MAX_AGE_SECONDS,
      };
    },
  };
}

/** Browsers serialize an origin as `URL` does. `null`, the origin of sandboxed pages and files, is not a URL. */
function isLoopbackOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { origin, protocol, hostname } = new URL(text);
  return origin === text && /^https?:$/.test(protocol) && isLoopback(hostname);
}
