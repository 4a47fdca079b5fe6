/** The response headers in the document. */
import { REQUEST_ID_FORM } from "./exchange.ts";
import type { Json } from "./json-schema.ts";
import { POSITION, POSITION_FORM } from "./position.ts";
import type { ProblemCode } from "./problems.ts";
import type { DocumentedHeader, Route } from "./route.ts";

/** The request id of the examples. */
export const REQUEST_ID = "5c2f1c4e-6d0b-4a57-9f83-0e1d2b3c4a5f";

type AnyHeader =
  | DocumentedHeader
  | "Age"
  | "Cache-Control"
  | typeof POSITION
  | "X-Request-Id"
  | "WWW-Authenticate"
  | "Retry-After"
  | "RateLimit"
  | "RateLimit-Policy"
  | "Idempotency-Replayed";

export const cacheHeaders = ({ cached }: Route) => (cached ? (["Age"] as const) : []);

export const quotaHeaders = ({ unlimited }: Route) =>
  unlimited ? [] : (["RateLimit", "RateLimit-Policy"] as const);

/** A write tells how far the database was. A stream has sent its headers before it writes. */
export const positionHeader = ({ method, database, body }: Route) =>
  database && method !== "get" && body?.kind !== "stream" ? ([POSITION] as const) : [];

/** The header that a problem has beyond those of every response. */
const PROBLEM_HEADERS: Partial<Record<ProblemCode, AnyHeader>> = {
  unauthorized: "WWW-Authenticate",
  forbidden: "WWW-Authenticate",
  idempotency_in_progress: "Retry-After",
  rate_limited: "Retry-After",
  database_unavailable: "Retry-After",
  service_unavailable: "Retry-After",
};

export const HEADERS: Record<AnyHeader, Json> = {
  "X-Request-Id": header("The client's own id if it is well-formed, otherwise a new one.", REQUEST_ID, {
    pattern: REQUEST_ID_FORM.source,
  }),
  "WWW-Authenticate": header("How to authenticate (RFC 6750).", 'Bearer realm="octavo"'),
  "Retry-After": header("Seconds to wait before retrying.", "1", { pattern: "^[0-9]+$" }),
  Age: {
    ...header("Seconds since the database was asked, if a cache answers.", "12", { pattern: "^[0-9]+$" }),
    required: false,
  },
  "Cache-Control": header("How the response may be cached.", "no-store"),
  "Content-Disposition": header("A name for the file.", 'attachment; filename="books.csv"'),
  ETag: header(
    "The version of the content, as an entity tag. It is strong, except that of the feed.",
    '"0195dc3a-52e6-7cc1-9d2f-7f4b8a6e1c30.3.1"',
    {
      pattern: '^(W/)?"[^"]+"$',
    },
  ),
  Link: {
    ...header(
      "Links (RFC 8288): of a listing to the next, previous and first page, of the catalogue to the API. Omitted from numbered pages, and if the links exceed 4 KiB in total.",
      '</api/v1/books>; rel="first"',
    ),
    required: false,
  },
  Location: header("The path of the new resource.", "/api/v1/books/0195dc3a-52e6-7cc1-9d2f-7f4b8a6e1c30", {
    format: "uri-reference",
  }),
  RateLimit: {
    ...header(
      "The remaining quota and the seconds until it resets, if the runtime knows them.",
      '"default";r=599;t=60',
    ),
    required: false,
  },
  "RateLimit-Policy": {
    ...header(
      "The quota in requests and seconds, if the runtime knows it (draft-ietf-httpapi-ratelimit-headers).",
      '"default";q=600;w=60',
    ),
    required: false,
  },
  [POSITION]: {
    ...header(
      "How far the database was after this request, if it has read replicas. Send it with reads that have to see that.",
      "bDAwMDAwdzdlMTIzLXEWQrcmsEQBYnyp-6wy9chTD7GQPMTbAiWHF5IaSIE",
      { pattern: POSITION_FORM.source },
    ),
    required: false,
  },
  "Idempotency-Replayed": {
    ...header("This response was stored for an earlier request with the same Idempotency-Key.", "true", {
      const: "true",
    }),
    required: false,
  },
};

function header(description: string, example: string, form: Json = {}): Json {
  return { description, required: true, schema: { type: "string", ...form }, example };
}

/** The headers of every response, those of this one, and those that it has only sometimes. */
export function headersOf(names: readonly AnyHeader[], sometimes: readonly AnyHeader[] = []): Json {
  const refs = ["X-Request-Id", "Cache-Control", ...names] as const;
  return Object.fromEntries([
    ...refs.map((name) => [name, { $ref: `#/components/headers/${name}` }]),
    ...sometimes.map((name) => [name, { ...HEADERS[name], required: false }]),
  ]);
}

export function problemHeaders(codes: readonly ProblemCode[], always: readonly AnyHeader[]): Json {
  const names = [...new Set(codes.flatMap((code) => PROBLEM_HEADERS[code] ?? []))];
  const isShared = (name: AnyHeader) => codes.every((code) => PROBLEM_HEADERS[code] === name);
  return headersOf(
    [...always, ...names.filter(isShared)],
    names.filter((name) => !isShared(name)),
  );
}
