import type * as z from "zod";
import type { Claim } from "../db/idempotency.ts";
import type { Position } from "../db/keyset.ts";
import type { Preconditions } from "./etag.ts";
import type { Paging } from "./paging.ts";
import type { ProblemCode } from "./problem.ts";

/** Who may call a route. `editor` may do what a `clerk` may, and `admin` everything. */
export type Role = "public" | "clerk" | "editor" | "admin";

/** What routes are grouped by in the document. */
export const TAGS = {
  Books: "The catalogue.",
  Tasks: "The shop's to-do list.",
  Service: "For whoever runs and explores the service.",
};

/** One success answer of a route. */
export interface Success {
  description: string;
  /** What the JSON body holds; absent where there is none. Its members have examples. */
  schema?: z.ZodType;
  /** The media types of a body that is not JSON. */
  types?: readonly string[];
  /** Names of the headers that it carries beside those of every answer. `Link` alone may be missing. */
  headers?: readonly DocumentedHeader[];
}

export type DocumentedHeader = "ETag" | "Link" | "Location";

/**
 * A route, declared once: from this come its validation, its authorization, 405 and OPTIONS of its path, and its
 * part of /openapi.json. Role and answers are required: a route without them does not compile.
 */
export type Route = Declaration &
  (
    | { method: "get" | "put" | "patch" | "delete"; role: Role }
    // A POST takes an Idempotency-Key, which is its caller's own and stands for its body.
    | { method: "post"; role: Exclude<Role, "public">; body: z.ZodType }
  );

export interface Declaration {
  /** In Hono's form, `/api/v1/books/:id`. */
  path: string;
  tag: keyof typeof TAGS;
  /** The operation's name in the document and in clients made from it. */
  name: string;
  summary: string;
  /** Path parameters. One that does not parse is a 404: no resource can have it. */
  params?: z.ZodObject;
  /** Makes the route a listing with sealed cursors. It brings the query parameters; other routes have none. */
  paging?: Paging;
  /** The JSON body. */
  body?: z.ZodType;
  /** Honours If-Match and If-None-Match (RFC 9110, section 13). */
  conditional?: boolean;
  /** Does not count against the quota of whoever asks. */
  unlimited?: true;
  /** Asks the database, and so can be 503. */
  database: boolean;
  success: Readonly<Record<number, Success>>;
  /** Refusals beyond those that follow from the rest: see `refusals` in openapi.ts. */
  problems: readonly ProblemCode[];
}

/** Types a declaration to the letter, so that handlers know its inputs and statuses. */
export function route<const R extends Route>(declaration: R): R {
  return declaration;
}

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;

/** What a handler gets: every part validated, as the declaration says. */
export interface Input<R extends Route> {
  params: Parsed<R["params"]>;
  query: R["paging"] extends Paging ? z.output<R["paging"]["query"]> : object;
  body: Parsed<R["body"]>;
  /** Where the cursor points; undefined on a first page. */
  position: Position | undefined;
  preconditions: Preconditions;
  /** What a POST with an Idempotency-Key lays claim to. */
  claim: Claim | undefined;
  url: URL;
}

/** What a handler gives back. The body is JSON text already, as the database writes it, unless it has another type. */
export interface Reply<R extends Route> {
  status: keyof R["success"] & number;
  body?: string | Uint8Array<ArrayBuffer>;
  headers?: Partial<Record<DocumentedHeader | SpecialHeader, string>>;
}

/** Headers that have a default, or that the document tells of by itself. */
type SpecialHeader = "Cache-Control" | "Content-Security-Policy" | "Content-Type" | "Idempotency-Replayed";
