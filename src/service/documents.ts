/** What describes the API to tools: the OpenAPI document in its forms, and the catalogue that leads to it. */
import { etagOfText } from "../http/etag.ts";

/** A text as it is served. */
export interface Document {
  text: string;
  etag: string;
}

/** Stands for the origin in the files that the build writes, until a request tells it. */
export const ANY_ORIGIN = "https://origin.invalid";

/**
 * Puts the origin of each request into a text that is read once. Keeps the last result, because most deployments have one
 * origin.
 */
export function perOrigin(read: () => Promise<string>): (origin: string) => Promise<Document> {
  let written: string | undefined;
  let last: (Document & { origin: string }) | undefined;
  return async (origin) => {
    if (last?.origin !== origin) {
      written ??= await read();
      const text = written.replaceAll(ANY_ORIGIN, () => origin);
      last = { origin, text, etag: etagOfText(text) };
    }
    return last;
  };
}

/** The path of the API, which is the one item of the catalogue. */
export const API = "/api/v1";

/** The links of `/.well-known/api-catalog` (RFC 9727), as a linkset (RFC 9264). */
export function apiCatalog(origin: string) {
  const api = `${origin}${API}`;
  return {
    linkset: [
      {
        anchor: `${origin}/.well-known/api-catalog`,
        item: [{ href: api }],
        profile: [{ href: "https://www.rfc-editor.org/info/rfc9727" }],
      },
      {
        anchor: api,
        "service-desc": [
          { href: `${origin}/openapi.json`, type: "application/json" },
          { href: `${origin}/openapi.yaml`, type: "application/yaml" },
        ],
        "service-doc": [{ href: `${origin}/docs`, type: "text/html" }],
        status: [{ href: `${origin}/ready`, type: "application/json" }],
      },
    ],
  };
}
