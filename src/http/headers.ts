/** The default headers of every response. If a browser renders JSON as a page, nothing in it may run, load or be framed. */
const DEFAULT_HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
};

/**
 * The initial headers of a response, to which the pipeline adds. A name must be spelled the same everywhere, so
 * that a later value replaces an earlier one.
 */
export function firstHeaders(requestId: string): Record<string, string> {
  return { ...DEFAULT_HEADERS, "X-Request-Id": requestId };
}
