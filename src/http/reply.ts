/** Answers that every resource gives alike. */
import type { Resource } from "../db/resource.ts";
import { etagOf, notModified, type Preconditions } from "./etag.ts";

/** An answer with a body of JSON text. */
export function json<S extends number, H extends object>(status: S, body: string, headers?: H) {
  return { status, body, ...(headers && { headers }) };
}

/** A single resource is stored by caches but asked after each time, and no proxy may compress it and weaken its tag. */
function headersOf({ id, version, replayed }: Resource) {
  return {
    ETag: etagOf(id, version),
    "Cache-Control": "no-cache, no-transform",
    ...(replayed && { "Idempotency-Replayed": "true" }),
  };
}

export function ok(resource: Resource) {
  return json(200, resource.json, headersOf(resource));
}

export function created(resource: Resource, collection: string) {
  return json(201, resource.json, { ...headersOf(resource), Location: `${collection}/${resource.id}` });
}

/** 200, or 304 where If-None-Match holds the tag. */
export function fresh(resource: Resource, preconditions: Preconditions) {
  const headers = headersOf(resource);
  return notModified(preconditions, headers.ETag) ? ({ status: 304, headers } as const) : ok(resource);
}

export const noContent = { status: 204 } as const;
