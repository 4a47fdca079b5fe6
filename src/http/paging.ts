import * as z from "zod";
import { type Lines, linesOf, type Position } from "../db/keyset.ts";
import type { CursorSeal } from "./cursor.ts";
import { wholeNumber } from "./fields.ts";

/** What a listing takes. */
export interface Paging {
  /** All its parameters, {@link pageParameters} among them. */
  query: z.ZodObject;
  /** Those that decide which rows come and in which order: a cursor is bound to them, and they go with it. */
  bound: z.ZodObject;
}

/** The rows of one page as JSON texts, in the order asked for. */
interface Page {
  rows: readonly string[];
  /** Whether rows follow in the direction of travel. */
  more: boolean;
}

/** The parameters that every listing takes. */
export const pageParameters = {
  limit: wholeNumber({ min: 1, max: 100, clamped: true })
    .default(20)
    .meta({ description: "Rows in a page; more than 100 are 100." }),
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
      .meta({ examples: ["WyJmIiwiYSIsIkR1bmUiXQ"] }),
    prev_cursor: z
      .string()
      .nullable()
      .meta({ examples: [null] }),
  });

/** What a listing's cursors are sealed with: its path and the parameters that they are bound to, as parsed. */
export function scopeOf(path: string, bound: z.ZodObject, query: Record<string, unknown>): string {
  return JSON.stringify([path, Object.keys(bound.shape).map((name) => query[name] ?? null)]);
}

/**
 * Cuts `limit` rows out of the `limit + 1` that were asked of the database in the direction of travel, and puts
 * them in the listing's order.
 */
function pageOf(found: readonly string[], limit: number, position: Position | undefined): Page {
  const rows = found.slice(0, limit);
  return { rows: position?.direction === "backward" ? rows.reverse() : rows, more: found.length > limit };
}

/**
 * The places that the cursors of a page lead to. In the direction of travel there is one exactly when rows follow;
 * in the other, whenever a cursor was sent. A page without rows hands back the place it stands on.
 */
function neighbours(
  page: Page,
  position: Position | undefined,
  key: string,
): { next?: Position; previous?: Position } {
  const placeOf = (row: string) => {
    const members = JSON.parse(row);
    return { key: `${members[key]}`, id: members.id };
  };
  const first = page.rows[0];
  const last = page.rows.at(-1);
  const backward = position?.direction === "backward";
  const next: Position | undefined = last
    ? { direction: "forward", side: "after", ...placeOf(last) }
    : position && { ...position, direction: "forward" };
  const previous: Position | undefined = first
    ? { direction: "backward", side: "before", ...placeOf(first) }
    : position && { ...position, direction: "backward" };
  return {
    ...(next && (backward || page.more) && { next }),
    ...(previous && (backward ? page.more : position) && { previous }),
  };
}

type PageReply = { status: 200; body: string; headers: { Link: string } };

/** Pages by what was found and their URL: readers who share a query share their page, too. */
const written = new WeakMap<Lines, Map<string, PageReply>>();

/**
 * Writes a page of the `limit + 1` rows that were found in the direction of travel, as
 * `{"data":[…],"limit":20,"next_cursor":…,"prev_cursor":…}` with `extra` members behind, and the same links as a Link header
 * (RFC 8288).
 */
export function writePage(found: Lines, position: Position | undefined, listing: Listing): PageReply {
  const replies = written.get(found) ?? new Map<string, PageReply>();
  written.set(found, replies);
  const url = listing.url.pathname + listing.url.search;
  const reply =
    replies.get(url) ?? render(pageOf(linesOf(found), listing.query.limit, position), position, listing);
  replies.set(url, reply);
  return reply;
}

function render(
  page: Page,
  position: Position | undefined,
  { url, paging, query, seal, key, extra }: Listing,
): PageReply {
  const scope = scopeOf(url.pathname, paging.bound, query);
  const { next, previous } = neighbours(page, position, key);
  const nextCursor = next ? seal.seal(scope, next) : null;
  const previousCursor = previous ? seal.seal(scope, previous) : null;
  const tail = { limit: query.limit, next_cursor: nextCursor, prev_cursor: previousCursor, ...extra };
  const links = [
    ...(nextCursor ? [`<${linkTo(url, nextCursor)}>; rel="next"`] : []),
    ...(previousCursor ? [`<${linkTo(url, previousCursor)}>; rel="prev"`] : []),
    `<${linkTo(url)}>; rel="first"`,
  ];
  return {
    status: 200,
    body: `{"data":[${page.rows.join()}],${JSON.stringify(tail).slice(1)}`,
    headers: { Link: links.join(", ") },
  };
}

/** The request that a page answers. */
interface Listing {
  url: URL;
  paging: Paging;
  query: Record<string, unknown> & { limit: number };
  seal: CursorSeal;
  /** The member that the rows are sorted by. */
  key: string;
  /** Members to go behind the cursors. */
  extra?: Record<string, unknown> | undefined;
}

function linkTo(url: URL, cursor?: string): string {
  const query = new URLSearchParams(url.searchParams);
  query.delete("cursor");
  if (cursor) query.set("cursor", cursor);
  return query.size > 0 ? `${url.pathname}?${query}` : url.pathname;
}
