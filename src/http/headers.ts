import type { MiddlewareHandler } from "hono";

/**
 * Headers of every answer that does not set them itself. JSON is no page: where a browser takes it for one, nothing in
 * it runs, loads or is framed.
 */
export const DEFAULT_HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
};

/** On `c.res` itself, as everywhere behind the handler: `c.header` would copy the whole answer for each header. */
export const defaultHeaders: MiddlewareHandler = async (c, next) => {
  await next();
  const { headers } = c.res;
  for (const [name, value] of Object.entries(DEFAULT_HEADERS)) {
    if (!headers.has(name)) headers.set(name, value);
  }
};

/** Tells the length that GET has. Hono takes the body away, and then Bun would tell 0 (RFC 9110, 8.6). */
export const lengthOfHead: MiddlewareHandler = async (c, next) => {
  await next();
  if (c.req.method !== "HEAD" || !c.res.body) return;
  c.res.headers.set("Content-Length", String((await c.res.clone().arrayBuffer()).byteLength));
};
