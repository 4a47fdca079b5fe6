/** Answers: those that every resource gives alike, and how any of them becomes a Response. */
import type { Replay } from "../db/idempotency.ts";
import type { Resource } from "../db/resource.ts";
import { etagOf, notModified, type Preconditions } from "./etag.ts";

/** An answer before it is a Response; a body without a Content-Type is JSON. */
interface Answer {
  status: number;
  body?: string | Uint8Array<ArrayBuffer>;
  headers?: Partial<Record<string, string>>;
}

/**
 * Makes the Response, whole at once: to add to it afterwards would make runtimes build, and copy, what they can write as it
 * is.
 *
 * @param first the headers of any answer to this request; see `firstHeaders`
 */
export function respond(
  { method }: { method: string },
  first: Record<string, string>,
  { status, body, headers }: Answer,
): Response {
  const all = {
    ...first,
    ...(body !== undefined && { "Content-Type": "application/json" }),
    // Hono takes the body of HEAD away, and then Bun would tell a length of 0 (RFC 9110, 8.6).
    ...(body !== undefined && method === "HEAD" && { "Content-Length": `${new Blob([body]).size}` }),
    ...headers,
  };
  return new Response(body ?? null, { status, headers: all });
}

/** An answer with a body of JSON text. */
export function json<S extends number, H extends object>(status: S, body: string, headers?: H) {
  return { status, body, ...(headers && { headers }) };
}

/** The reply to a write that may be a replay. */
export function written(outcome: Resource | Replay) {
  return "id" in outcome ? ok(outcome) : replay<200>(outcome);
}

function replay<S extends number>({ status, headers, body }: Replay) {
  return json(status as S, body, { ...OF_RESOURCES, ...headers, "Idempotency-Replayed": "true" });
}

/** Caches store a single resource but ask for it each time, and no proxy may compress it, which would weaken its tag. */
const OF_RESOURCES = { "Cache-Control": "no-cache, no-transform" };

function headersOf({ id, version, format }: Resource) {
  return { ETag: etagOf(id, version, format), ...OF_RESOURCES };
}

export function ok(resource: Resource) {
  return json(200, resource.json, headersOf(resource));
}

export function created(outcome: Resource | Replay, collection: string) {
  if (!("id" in outcome)) return replay<201>(outcome);
  return json(201, outcome.json, { ...headersOf(outcome), Location: `${collection}/${outcome.id}` });
}

/** 200, or 304 where If-None-Match holds the tag. */
export function fresh(resource: Resource, preconditions: Preconditions) {
  const headers = headersOf(resource);
  return notModified(preconditions, resource) ? ({ status: 304, headers } as const) : ok(resource);
}

export const noContent = { status: 204 } as const;
