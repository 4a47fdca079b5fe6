import * as z from "zod";
import { type Lines, type ListingPosition, rowsIn } from "../db/keyset.ts";
import type { CursorSeal } from "./cursor.ts";
import { wholeNumber } from "./fields.ts";

/** The parameters of a listing. */
export interface Paging {
  /** All of them, including {@link pageParameters}. */
  query: z.ZodObject;
  /** Those that select the rows and their order. A cursor is bound to them. */
  bound: z.ZodObject;
}

export const DEFAULT_LIMIT = 20;

/** The parameters of every listing. */
export const pageParameters = {
  limit: wholeNumber({ min: 1, max: 100, clamped: true })
    .default(DEFAULT_LIMIT)
    .meta({
      description: "The number of rows in a page. Values above 100 are treated as 100.",
      examples: [DEFAULT_LIMIT],
    }),
  cursor: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "next_cursor or prev_cursor of a page of this listing." }),
};

/** The body of a page whose rows are of a schema. */
export const cursorPage = <Row extends z.ZodType>(row: Row) =>
  z.strictObject({
    data: z.array(row),
    limit: z.int().meta({ examples: [20] }),
    next_cursor: z
      .string()
      .nullable()
      .meta({ description: "The cursor of the next page.", examples: ["WyJmIiwiYSIsIkR1bmUiXQ"] }),
    prev_cursor: z
      .string()
      .nullable()
      .meta({ description: "The cursor of the previous page.", examples: [null] }),
  });

/**
 * The scope that a listing's cursors are sealed with: its path and the parsed parameters that they are bound to. It names only
 * parameters that were given, so that a new parameter invalidates no cursor.
 */
export function scopeOf(path: string, bound: z.ZodObject, query: Record<string, unknown>): string {
  const given = Object.keys(bound.shape).filter((name) => query[name] !== undefined);
  return JSON.stringify([path, given.map((name) => [name, query[name]])]);
}

const encoder = new TextEncoder();

/** The rows of a page in the listing's order, the places of its ends, and whether rows follow in the direction of travel. */
interface Page {
  rows: string[];
  first: Place | undefined;
  last: Place | undefined;
  more: boolean;
}

type Place = Pick<ListingPosition, "key" | "id" | "state">;

/**
 * Cuts a page from rows in the direction of travel, which may be one more than the limit.
 *
 * @param key the member that the listing is sorted by, unless the rows have keys beside them
 */
function cutPage(
  found: Lines,
  limit: number,
  position: ListingPosition | undefined,
  key: string | undefined,
): Page {
  const all = rowsIn(found);
  const rows = all.slice(0, limit);
  const keys = found.keys?.split(",");
  const state = position ? position.state : found.state ? JSON.parse(found.state) : undefined;
  const placeAt = (at: number): Place | undefined => {
    const row = rows[at];
    if (row === undefined) return undefined;
    const members = JSON.parse(row);
    return { key: keys?.[at] ?? `${members[key ?? ""] ?? ""}`, id: members.id, state };
  };
  const ends = [placeAt(0), placeAt(rows.length - 1)];
  if (position?.direction === "backward") {
    rows.reverse();
    ends.reverse();
  }
  const [first, last] = ends;
  return { rows, first, last, more: all.length > limit };
}

/**
 * The places that the cursors of a page lead to. In the direction of travel there is one exactly when rows follow; in the
 * other direction, whenever a cursor was sent. A page without rows hands back the place that it stands on.
 */
function neighbours(
  { first, last, more }: Page,
  position: ListingPosition | undefined,
): { next?: ListingPosition | undefined; previous?: ListingPosition | undefined } {
  const next = (): ListingPosition | undefined =>
    last
      ? { direction: "forward", side: "after", ...last }
      : position && { ...position, direction: "forward" };
  const previous = (): ListingPosition | undefined =>
    first
      ? { direction: "backward", side: "before", ...first }
      : position && { ...position, direction: "backward" };
  const backward = position?.direction === "backward";
  return {
    ...((backward || more) && { next: next() }),
    ...((backward ? more : position) && { previous: previous() }),
  };
}

/** The body of a page as JSON text: `{"data":[…],` and the members of `tail`. */
export function pageBody(rows: string[], tail: object): string {
  return `{"data":[${rows.join()}],${JSON.stringify(tail).slice(1)}`;
}

type PageReply = { status: 200; body: Uint8Array<ArrayBuffer>; headers: { Link?: string } };

/** The longest Link header in bytes: some clients accept no more than 8 KiB of headers. */
const MAX_LINK_LENGTH = 4096;

/** Writes the pages of listings. */
export class PageWriter {
  readonly #seal: CursorSeal;
  /** The page written last. Requests that share a statement arrive here one after the other, and share its page, too. */
  #last: { found: Lines; url: string; reply: PageReply } | undefined;

  constructor(seal: CursorSeal) {
    this.#seal = seal;
  }

  /**
   * Writes a page of the `limit + 1` rows that were found in the direction of travel:
   * `{"data":[…],"limit":20,"next_cursor":…,"prev_cursor":…}` and then the `extra` members. The Link header has the same
   * links (RFC 8288), unless it would be too long.
   */
  write(found: Lines, position: ListingPosition | undefined, listing: Listing): PageReply {
    const url = listing.url.pathname + listing.url.search;
    if (this.#last?.found !== found || this.#last.url !== url) {
      const page = cutPage(found, listing.limit, position, listing.key);
      this.#last = { found, url, reply: render(page, position, listing, this.#seal) };
    }
    return this.#last.reply;
  }

  /** Seals the cursor of a listing whose pages have a form of their own. */
  seal({ url, paging, query }: Pick<Listing, "url" | "paging" | "query">, position: ListingPosition): string {
    return this.#seal.seal(scopeOf(url.pathname, paging.bound, query), position);
  }

  /** The rows of the same page with its cursors, for a page that is not JSON. */
  cut(found: Lines, position: ListingPosition | undefined, listing: Listing): CutPage {
    const page = cutPage(found, listing.limit, position, listing.key);
    return { rows: page.rows, ...cursorsOf(page, position, listing, this.#seal) };
  }
}

/** The cursors of the pages beside a page; null where there is none. */
interface Cursors {
  next: string | null;
  previous: string | null;
}

interface CutPage extends Cursors {
  /** JSON objects. */
  rows: string[];
}

function cursorsOf(
  page: Page,
  position: ListingPosition | undefined,
  { url, paging, query }: Listing,
  seal: CursorSeal,
): Cursors {
  const scope = scopeOf(url.pathname, paging.bound, query);
  const { next, previous } = neighbours(page, position);
  return {
    next: next ? seal.seal(scope, next) : null,
    previous: previous ? seal.seal(scope, previous) : null,
  };
}

function render(
  page: Page,
  position: ListingPosition | undefined,
  listing: Listing,
  seal: CursorSeal,
): PageReply {
  const { url, limit, details, extra } = listing;
  const { next: nextCursor, previous: previousCursor } = cursorsOf(page, position, listing, seal);
  const tail = { limit, ...details, next_cursor: nextCursor, prev_cursor: previousCursor, ...extra };
  const first = linkToFirst(url);
  const linkTo = (cursor: string) => `${first}${first.includes("?") ? "&" : "?"}cursor=${cursor}`;
  const links = [
    ...(nextCursor ? [`<${linkTo(nextCursor)}>; rel="next"`] : []),
    ...(previousCursor ? [`<${linkTo(previousCursor)}>; rel="prev"`] : []),
    `<${first}>; rel="first"`,
  ].join(", ");
  return {
    status: 200,
    // As bytes, which all responses that share the page send as they are.
    body: encoder.encode(pageBody(page.rows, tail)),
    headers: links.length <= MAX_LINK_LENGTH ? { Link: links } : {},
  };
}

/** The request that a page answers. */
interface Listing {
  url: URL;
  paging: Paging;
  query: Record<string, unknown>;
  limit: number;
  /** The member that the rows are sorted by, unless they have keys beside them. */
  key?: string | undefined;
  /** Members to go after the limit. */
  details?: Record<string, unknown> | undefined;
  /** Members to go after the cursors. */
  extra?: Record<string, unknown> | undefined;
}

function linkToFirst(url: URL): string {
  const query = new URLSearchParams(url.searchParams);
  query.delete("cursor");
  return query.size > 0 ? `${url.pathname}?${query}` : url.pathname;
}
