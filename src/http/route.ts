import type * as z from "zod";
import type { Claim } from "../db/idempotency.ts";
import type { ListingPosition } from "../db/keyset.ts";
import type { Preconditions } from "./etag.ts";
import type { Paging } from "./paging.ts";
import type { ProblemCode } from "./problems.ts";

/** Who may call a route. An `editor` may do what a `clerk` may, and an `admin` everything. */
export type Role = "public" | "clerk" | "editor" | "admin";

/** A group of routes in the document. */
export interface Tag {
  name: string;
  description: string;
}

/** A body that is read whole, then parsed and validated. */
export interface JsonBody<Schema extends z.ZodType = z.ZodType> {
  kind: "json";
  schema: Schema;
  /** Media types that the route accepts. */
  types: readonly string[];
  maxBytes: number;
}

/** A body that the handler reads as it arrives. */
export interface StreamBody {
  kind: "stream";
  types: readonly string[];
  /** Counted after decompression. */
  maxBytes: number;
  /** Accepts Content-Encoding: gzip. */
  gzip: boolean;
}

export const MIB = 1024 * 1024;

/** The media types of a PATCH: JSON, and JSON Merge Patch (RFC 7396). */
export const MERGE_PATCH = ["application/json", "application/merge-patch+json"];

/** Declares a JSON body of at most 1 MiB, unless `maxBytes` says otherwise. */
export function json<Schema extends z.ZodType>(
  schema: Schema,
  options: Partial<Pick<JsonBody, "types" | "maxBytes">> = {},
): JsonBody<Schema> {
  return { kind: "json", schema, types: ["application/json"], maxBytes: MIB, ...options };
}

/** Declares a body that the handler gets as a `ReadableStream` of bytes, decompressed. */
export function stream(options: Omit<StreamBody, "kind">): StreamBody {
  return { kind: "stream", ...options };
}

/** One successful response of a route. */
export interface Success {
  description: string;
  /** The schema of a JSON body. Its members have examples. */
  schema?: z.ZodType;
  /** The media types of a body that is not JSON. */
  types?: readonly string[];
  /** Headers beyond those of every response. Only `Link` may be missing. */
  headers?: readonly DocumentedHeader[];
}

export type DocumentedHeader = "Content-Disposition" | "ETag" | "Link" | "Location";

/**
 * A route, declared once. Validation, authorization, 405, OPTIONS and its part of /openapi.json follow from the
 * declaration. A route without a role or without successful responses does not compile.
 */
export type Route = Declaration &
  (
    | { method: "get" | "put" | "patch" | "delete"; role: Role; body?: JsonBody | StreamBody }
    // An Idempotency-Key belongs to a principal and identifies a body.
    | { method: "post"; role: Exclude<Role, "public">; body: JsonBody; keyed?: true }
    | { method: "post"; role: Role; body?: JsonBody | StreamBody; keyed: false }
  );

export interface Declaration {
  /** In Hono's syntax: `/api/v1/books/:id`. */
  path: string;
  tag: Tag;
  /** The operationId of the document and of clients generated from it. */
  name: string;
  summary: string;
  /** Path parameters. An invalid one is a 404, because no resource can have it; but see `creates`. */
  params?: z.ZodObject;
  /** Makes the route a listing with signed cursors, and declares its query parameters. */
  paging?: Paging;
  /** The query parameters of a route that is not a listing; none unless given. */
  query?: z.ZodObject;
  /**
   * The path parameters are members of the resource, which the route may create: an invalid one is a 422, and the body must not
   * contradict them.
   */
  creates?: true;
  /** Honours If-Match and If-None-Match (RFC 9110, section 13). */
  conditional?: boolean;
  /** `false` on a POST that rejects an Idempotency-Key. */
  keyed?: boolean;
  /** Does not count against the quota. */
  unlimited?: true;
  /** Asks how the service is, again and again: logged at the level `debug` unless it fails. */
  probe?: true;
  /** Milliseconds for a request, or between two chunks of a stream; the configured deadline if absent. */
  deadline?: number;
  /** On a public route: the reply is the same for everybody, and caches may keep it; see `edge-cache.ts`. */
  cached?: true;
  /** Queries the database, and so can respond with 503. */
  database: boolean;
  success: Readonly<Record<number, Success>>;
  /** Problems beyond those that follow from the rest of the declaration; see `problemsOf` in openapi.ts. */
  problems: readonly ProblemCode[];
}

/** Keeps the literal types of a declaration, so that its handler knows its inputs and statuses. */
export function route<const R extends Route>(declaration: R): R {
  return declaration;
}

/** Whether a route takes an Idempotency-Key. */
export const isKeyed = ({ method, keyed }: Route): boolean => method === "post" && keyed !== false;

export type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;

type ParsedBody<B> =
  B extends JsonBody<infer Schema>
    ? z.output<Schema>
    : B extends StreamBody
      ? ReadableStream<Uint8Array<ArrayBuffer>>
      : undefined;

/** The input of a handler, validated as the declaration says. */
export interface Input<R extends Route> {
  params: Parsed<R["params"]>;
  query: R["paging"] extends Paging
    ? z.output<R["paging"]["query"]>
    : R["query"] extends z.ZodObject
      ? z.output<R["query"]>
      : object;
  body: ParsedBody<R["body"]>;
  /** The position of the cursor; undefined on a first page. */
  position: ListingPosition | undefined;
  preconditions: Preconditions;
  /** What the Idempotency-Key of a POST claims. */
  claim: Claim | undefined;
  url: URL;
}

/** What a handler returns. A text is JSON, as the database writes it, unless `Content-Type` says otherwise. */
export interface Reply<R extends Route = Route> {
  status: keyof R["success"] & number;
  body?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;
  headers?: Partial<Record<DocumentedHeader | SpecialHeader, string>>;
  /** Compresses the stream for clients that accept gzip. */
  gzip?: true;
  /** The id of the resource that it shows. */
  resource?: string;
}

/** Headers that have a default, or that the document describes by itself. */
type SpecialHeader = "Cache-Control" | "Content-Security-Policy" | "Content-Type" | "Idempotency-Replayed";
