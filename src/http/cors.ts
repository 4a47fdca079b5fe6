import type { HonoRequest } from "hono";
import { type Config, isLoopback } from "../config.ts";
import type { Role } from "./route.ts";

const EXPOSED = [
  "ETag",
  "Idempotency-Replayed",
  "Link",
  "Location",
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  "X-Request-Id",
].join();

/**
 * Readers are not granted Content-Type: POST needs no grant of its own, and without that header a page can send no
 * JSON.
 */
const READ = { methods: "GET,HEAD", headers: "Authorization,If-Match,If-None-Match,X-Request-Id" };
const WRITE = {
  methods: "GET,HEAD,POST,PUT,PATCH,DELETE",
  headers: `Content-Type,Idempotency-Key,${READ.headers}`,
};

/** The most that Chromium keeps; without it browsers ask again after five seconds. */
const MAX_AGE_SECONDS = "7200";

/** Makes the headers of CORS. */
export interface CrossOrigin {
  /** Adds the headers that let a page read an answer of a route with this role. */
  share(request: HonoRequest, role: Role, headers: Record<string, string>): void;
  /** What is added to that for the question that a browser asks beforehand. */
  preflight(request: HonoRequest): Record<string, string>;
}

/**
 * Pages of the configured origins may do everything, all others may read. Where nobody has to prove who they are, pages
 * of this machine may do everything too, and others may read only what is public.
 */
export function crossOriginOf({
  corsOrigins,
  authentication,
}: Pick<Config, "corsOrigins" | "authentication">): CrossOrigin {
  const open = authentication.mode === "open";
  const varies = open || corsOrigins.length > 0;
  const writerOf = (request: HonoRequest): string | undefined => {
    const origin = request.header("Origin");
    if (origin === undefined) return undefined;
    return corsOrigins.includes(origin) || (open && isLoopbackOrigin(origin)) ? origin : undefined;
  };
  return {
    share(request, role, headers) {
      if (varies) headers.Vary = "Origin";
      const origin = writerOf(request) ?? (open && role !== "public" ? undefined : "*");
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

/** Browsers write an origin as URL does; `null`, that of sandboxed pages and files, is no URL. */
function isLoopbackOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { origin, protocol, hostname } = new URL(text);
  return origin === text && /^https?:$/.test(protocol) && isLoopback(hostname);
}
