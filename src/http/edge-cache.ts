/**
 * Replies to public reads that serve everybody for a while: from the cache of a Worker's location, or from a CDN in front of
 * a server. docs/decisions/0041-edge-cache.md says why a write marks its book instead of deleting entries.
 */
import type { Preconditions } from "./etag.ts";
import { NO_PRECONDITIONS, textNotModified } from "./etag.ts";
import type { Exchange } from "./exchange.ts";
import { loggedError } from "./observe.ts";
import { POSITION } from "./position.ts";
import type { AnyReply } from "./reply.ts";

/** The part of the Cache API that holds entries. */
export type EntryStore = Pick<Cache, "match" | "put">;

export interface EdgeCacheOptions {
  /** How old a reply may be. */
  seconds: number;
  /** How many seconds old it may be when the database gives it, because a replica does. */
  lag: number;
  /** Undefined on servers, which only tell a CDN how long it may keep a reply. */
  store: EntryStore | undefined;
  publicUrl: string | undefined;
}

/** What an entry says beside the body, in one header of its own. */
interface Facts {
  /** When its read began, in milliseconds since 1970. */
  began: number;
  resource: string | undefined;
  headers: AnyReply["headers"];
}

const FACTS = "X-Octavo-Entry";

/** A read that a cache may answer. */
export interface SharedRead {
  /** What the client was found to prefer, where the reply depends on that. */
  form: "page" | "data";
  /** The part of the query that the reply depends on. */
  search: string;
  preconditions: Preconditions;
}

type Ask = (preconditions: Preconditions) => Promise<AnyReply>;

export class EdgeCache {
  /** How long an entry may be kept. */
  readonly #entrySeconds: number;
  /** How long a mark is needed: it voids entries that a replica gives up to a lag later, too. */
  readonly #markSeconds: number;
  readonly #lag: number;
  readonly #store: EntryStore | undefined;
  readonly #publicUrl: string | undefined;

  constructor({ seconds, lag, store, publicUrl }: EdgeCacheOptions) {
    this.#entrySeconds = seconds - lag;
    this.#markSeconds = seconds;
    this.#lag = lag;
    this.#store = store;
    this.#publicUrl = publicUrl;
  }

  /** Replies to a read by an entry, or asks for the reply and keeps it. */
  async read(exchange: Exchange, { form, search, preconditions }: SharedRead, ask: Ask): Promise<AnyReply> {
    const { request, connection } = exchange;
    if (!isForEverybody(request.headers) || preconditions.ifMatch) return ask(preconditions);
    const key = this.#keyOf(request, `${form}${pathOf(request)}${search}`);
    const kept = await this.#find(exchange, key);
    if (kept) return conditional(kept, preconditions);
    const began = Date.now();
    const reply = await ask(NO_PRECONDITIONS);
    if (reply.status !== 200) return reply;
    const shared = { ...reply, headers: { ...reply.headers, "Cache-Control": this.#cacheControl(reply) } };
    if (!forbidsStoring(request.headers)) connection.waitUntil?.(this.#keep(key, shared, began));
    return conditional(shared, preconditions);
  }

  /** Asks for a reply that no cache keeps, and marks what the request has changed: older entries of it do not count. */
  async askAndMark(exchange: Exchange, ask: () => Promise<AnyReply>): Promise<AnyReply> {
    try {
      return await ask();
    } finally {
      const { changed, request } = exchange;
      const now = `${Date.now()}`;
      const marks = Array.from(changed, (id) => this.#put(this.#markOf(request, id), now, this.#markSeconds));
      // A mark that is missing leaves entries as old as they may be.
      await Promise.allSettled(marks);
    }
  }

  async #find(exchange: Exchange, key: string): Promise<AnyReply | undefined> {
    const { observed, request } = exchange;
    const oldest = Math.min(this.#entrySeconds, acceptedAge(request.headers));
    if (!this.#store || oldest === 0) return undefined;
    observed.edge_cache = "miss";
    try {
      const entry = await this.#store.match(key);
      if (!entry) return undefined;
      const { began, resource, headers }: Facts = JSON.parse(entry.headers.get(FACTS) ?? "");
      // A replica may have given the resource as it was so long before.
      const known = began - this.#lag * 1000;
      if (resource && (await this.#changedAt(request, resource)) >= known) return undefined;
      const body = new Uint8Array(await entry.arrayBuffer());
      const age = Date.now() - began;
      if (age >= oldest * 1000) return undefined;
      observed.edge_cache = "hit";
      return { status: 200, body, headers: { ...headers, Age: `${Math.floor(age / 1000)}` } };
    } catch (error) {
      observed.error = loggedError(error);
      return undefined;
    }
  }

  async #keep(key: string, { body, headers, resource }: AnyReply, began: number): Promise<void> {
    if (body instanceof ReadableStream || headers?.["Content-Encoding"]) return;
    const facts: Facts = { began, resource, headers };
    // Without an entry, the next request asks again.
    await this.#put(key, body, this.#entrySeconds, { [FACTS]: JSON.stringify(facts) }).catch(() => {});
  }

  /** When a mark was set; -Infinity without one. */
  async #changedAt(request: Request, id: string): Promise<number> {
    const mark = await this.#store?.match(this.#markOf(request, id));
    return mark ? Number(await mark.text()) : -Infinity;
  }

  async #put(key: string, body: BodyInit | undefined, seconds: number, headers?: Record<string, string>) {
    const kept = { ...headers, "Cache-Control": `max-age=${seconds}` };
    await this.#store?.put(key, new Response(body ?? null, { headers: kept }));
  }

  #markOf = (request: Request, id: string) => this.#keyOf(request, `changed/${id}`);

  /** Entries have addresses of their own, because the cache knows no Accept. */
  #keyOf = ({ url }: Request, name: string) => `${this.#publicUrl ?? new URL(url).origin}/.edge/${name}`;

  /** Browsers and caches of their users ask each time; what they get may be as old as an entry. */
  #cacheControl({ headers }: AnyReply): string {
    const isFixed = headers?.["Cache-Control"]?.includes("no-transform");
    const shared = `public, max-age=0, must-revalidate, s-maxage=${this.#entrySeconds}`;
    return isFixed ? `${shared}, no-transform` : shared;
  }
}

const pathOf = ({ url }: Request) => new URL(url).pathname;

/** Whether a reply to this request may be that to another. */
const isForEverybody = (headers: Headers) => !headers.has("Authorization") && !headers.has("Cookie");

const directivesOf = (headers: Headers) =>
  (headers.get("Cache-Control") ?? "").split(",").map((directive) => directive.trim().toLowerCase());

const forbidsStoring = (headers: Headers) => directivesOf(headers).includes("no-store");

/** How many seconds old the client lets a reply be (RFC 9111, 5.2.1); 0 if it wants to know what the database says now. */
function acceptedAge(headers: Headers): number {
  const directives = directivesOf(headers);
  // Who has written, and says how far the database was then, wants to read the write.
  if (headers.has(POSITION) || headers.get("Pragma")?.toLowerCase().includes("no-cache")) return 0;
  if (directives.some((directive) => /^no-(cache|store)/.test(directive))) return 0;
  const ages = directives.flatMap((directive) => directive.match(/^max-age=?"?(.*?)"?$/)?.[1] ?? []);
  return Math.min(Infinity, ...ages.map((age) => (/^\d+$/.test(age) ? Number(age) : 0)));
}

/** The reply, or 304 if the client has it. */
function conditional(reply: AnyReply, preconditions: Preconditions): AnyReply {
  const { ETag, Age, Vary, "Cache-Control": caching } = reply.headers ?? {};
  if (!ETag || !textNotModified(preconditions, ETag)) return reply;
  const validators = { ETag, "Cache-Control": caching, ...(Age && { Age }), ...(Vary && { Vary }) };
  return { status: 304, headers: validators };
}
