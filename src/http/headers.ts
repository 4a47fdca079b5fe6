/**
 * Headers of every answer that does not set them itself. JSON is no page: where a browser takes it for one, nothing in
 * it runs, loads or is framed.
 */
const DEFAULT_HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
};

/**
 * What the headers of an answer begin as; the chain adds to them before there is an answer. Names are written alike
 * everywhere, as the later of two values takes the place of the first.
 */
export function firstHeaders(requestId: string): Record<string, string> {
  return { ...DEFAULT_HEADERS, "X-Request-Id": requestId };
}
