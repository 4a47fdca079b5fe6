/** Replies: those that all resources share, and how a reply becomes a Response. */
import type { Replay } from "../db/idempotency.ts";
import type { Resource } from "../db/resource.ts";
import { etagOf, notModified, type Preconditions } from "./etag.ts";
import { acceptsGzip } from "./negotiation.ts";

/** A reply of a handler, or of a problem. A body without a Content-Type is JSON. */
export interface AnyReply {
  status: number;
  body?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;
  headers?: Partial<Record<string, string>>;
  /** A stream is compressed for clients that accept gzip. */
  gzip?: true;
  /** The id of the resource that it shows; a write to it makes copies of the reply outdated. */
  resource?: string;
}

/**
 * Makes the Response at once: runtimes copy a Response that is changed later.
 *
 * @param first the headers of any response to this request; see `firstHeaders`
 */
export function respond(
  { method }: { method: string },
  first: Record<string, string>,
  { status, body, headers }: AnyReply,
): Response {
  const vary = [first.Vary, headers?.Vary].filter(Boolean).join(", ");
  const all = {
    ...first,
    ...(body !== undefined && { "Content-Type": "application/json" }),
    // Hono drops the body of HEAD, and then Bun would send a length of 0 (RFC 9110, 8.6).
    ...(method === "HEAD" &&
      body !== undefined &&
      !(body instanceof ReadableStream) && { "Content-Length": `${lengthOf(body)}` }),
    ...headers,
    ...(vary && { Vary: vary }),
  };
  return new Response(body ?? null, { status, headers: all });
}

const encoder = new TextEncoder();
/** Larger than most bodies, in UTF-8. */
const scratch = new Uint8Array(64 * 1024);

/** The bytes of a body. Encoding into memory that is there costs less than into new memory. */
export function lengthOf(body: string | Uint8Array<ArrayBuffer>): number {
  if (typeof body !== "string") return body.byteLength;
  const { read, written } = encoder.encodeInto(body, scratch);
  return read === body.length ? written : encoder.encode(body).byteLength;
}

/** Compresses the stream of a reply, if it may and the client accepts it. */
export function compressed(reply: AnyReply, acceptEncoding: string | null): AnyReply {
  const { body, headers, gzip } = reply;
  if (!gzip || !(body instanceof ReadableStream) || !acceptsGzip(acceptEncoding)) return reply;
  return {
    ...reply,
    body: body.pipeThrough(new CompressionStream("gzip")),
    headers: { ...headers, "Content-Encoding": "gzip" },
  };
}

/** A reply with a body of JSON text. */
export function jsonReply<S extends number, H extends object>(status: S, body: string, headers?: H) {
  return { status, body, ...(headers && { headers }) };
}

/** Caches may store what has an ETag but must revalidate it, and no proxy may compress it, which weakens its ETag. */
const CACHING = { "Cache-Control": "no-cache, no-transform" };

export const revalidated = (etag: string) => ({ ETag: etag, ...CACHING });

const headersOf = ({ id, version, format }: Resource) => revalidated(etagOf(id, version, format));

export function ok(resource: Resource) {
  return { ...jsonReply(200, resource.json, headersOf(resource)), resource: resource.id };
}

/** The reply to a write: the resource, or what the first request with the key got. */
export function written(outcome: Resource | Replay) {
  return "id" in outcome ? ok(outcome) : replay<200>(outcome);
}

export function created(outcome: Resource | Replay, collection: string) {
  if (!("id" in outcome)) return replay<201>(outcome);
  return jsonReply(201, outcome.json, {
    ...headersOf(outcome),
    Location: `${collection}/${outcome.id}`,
  });
}

/** 200, or 304 if If-None-Match holds the ETag. */
export function fresh(resource: Resource, preconditions: Preconditions) {
  const headers = headersOf(resource);
  return notModified(preconditions, resource) ? ({ status: 304, headers } as const) : ok(resource);
}

/** The reply that the first request with the key got. Only a single resource has an ETag, and may be stored. */
export function replay<S extends number>({ status, headers, body }: Replay) {
  const caching = "ETag" in headers ? CACHING : {};
  return jsonReply(status as S, body, { ...caching, ...headers, "Idempotency-Replayed": "true" });
}

export const noContent = { status: 204 } as const;
