/**
 * Searches of books by what people type. The functions of the database decide what matches and how well
 * (`octavo_plan_search`, `octavo_search_books`); this module makes the statements for pages of it.
 */
import { type SQL, sql } from "drizzle-orm";
import {
  filteredPage,
  type KeysetOrder,
  type Lines,
  type ListingPosition,
  offsetPage,
  where,
} from "../db/keyset.ts";
import { bookSearch, books } from "../db/schema.ts";
import { bind, defineStatement, type Query } from "../db/statements.ts";

/** How books match: by all words, by words that are similar, or by some of the words. Null if there are no books. */
export const MATCHES = ["all", "similar", "some"] as const;
export type Match = (typeof MATCHES)[number] | null;

/** What people typed. At least one of them is given. */
export interface Terms {
  search: string | undefined;
  author: string | undefined;
}

/** The place of a page in a listing: at a cursor, or by its number. */
export type PagePlace = { position: ListingPosition | undefined } | { offset: number };

interface SearchPage {
  terms: Terms;
  /** The listing's other conditions. */
  filters: SQL[];
  place: PagePlace;
  limit: number;
  count: "exact" | "estimated" | undefined;
}

/** A page of a search. `total` counts the books that match, in the way that was asked for. */
export type FoundLines = Lines & { match: Match; total: string | null };

/** By relevance, a listing ends after so many books. */
const MAX_RANKED = 1000;

/** Other conditions apply to so many matches, the newest: to all of them, but for words that one book in a hundred has. */
const MAX_FILTERED = 10_000;

/** The page of a search by relevance. */
export function rankedPage(page: SearchPage): Query | SQL {
  const { terms, filters, place, limit, count } = page;
  const isFirst = "position" in place && !place.position;
  return isFirst && filters.length === 0 && !count
    ? bind(firstRankedPage, { search: terms.search ?? "", author: terms.author ?? "", rows: limit + 1 })
    : rankedStatement({ ...page, terms: valuesOf(terms), rows: rowsAt(place, limit) });
}

/** Most searches end with their first page. It has one plan for all terms: planning takes a third of a millisecond. */
const firstRankedPage = defineStatement({
  types: { search: "text", author: "text", rows: "int" },
  lane: "searches",
  build: (value) =>
    rankedStatement({
      terms: { search: value("search"), author: value("author") },
      filters: [],
      place: { position: undefined },
      rows: value("rows"),
      count: undefined,
    }),
});

type Typed = Record<keyof Terms, SQL>;

const valuesOf = ({ search, author }: Terms): Typed => ({
  search: sql`${search ?? ""}::text`,
  author: sql`${author ?? ""}::text`,
});

/** Numbered pages have totals; other pages read a row more, which tells whether any follow. */
const rowsAt = (place: PagePlace, limit: number): SQL =>
  "offset" in place ? sql`${limit} offset ${place.offset}` : sql`${limit + 1}`;

function rankedStatement({
  terms,
  filters,
  place,
  rows,
  count,
}: Omit<SearchPage, "terms" | "limit"> & { terms: Typed; rows: SQL }): SQL {
  const position = "position" in place ? place.position : undefined;
  const order = position?.direction === "backward" ? sql`score, book_id` : sql`score desc, book_id desc`;
  return sql`with planned as materialized (${planned(terms, position)}),
    hits as materialized (${hits(filters, position)}),
    page as materialized (
      select book_id, score from hits where ${position ? beyond(position) : sql`true`} order by ${order} limit ${rows}
    )
    select lines, keys, (plan).match, ${total(count, filters)} as total, ${position ? sql`null` : rankedState(filters)} as state
    from planned, (
      select string_agg(json, E'\\n') as lines, string_agg(score::text, ',') as keys from (
        select ${books.json} as json, score from page join ${books} on ${books.id} = book_id order by ${order}
      ) as sorted
    ) as found`;
}

const BEST_FIRST = sql.raw("order by score desc, book_id desc");

/** The books of a search with their scores: on the first page the best, later those down to the lowest of them. */
function hits(filters: SQL[], position: ListingPosition | undefined): SQL {
  const found = (size: number) =>
    sql`select hit.* from planned, octavo_search_books(plan, ${position ? null : size}::int, bounds) as hit`;
  if (filters.length === 0) return found(MAX_RANKED);
  const passing = sql`${found(MAX_FILTERED)} join ${books} on ${books.id} = hit.book_id`;
  if (!position) return sql`${passing} ${where(filters)} ${BEST_FIRST} limit ${MAX_RANKED}`;
  const isHigh = sql`(lowest_score is null or (score, book_id) >= (lowest_score, lowest_id))`;
  return sql`${passing} ${where([...filters, isHigh])}`;
}

/** What later pages need to find the same books: the plan, the bounds, and the lowest hit if there may be more. */
function rankedState(filters: SQL[]): SQL {
  const lowest = sql`, 'lowest', (select json_build_object('score', score, 'book_id', book_id) from hits
    ${BEST_FIRST} offset ${MAX_RANKED - 1} limit 1)`;
  return sql`json_strip_nulls(json_build_object('plan', plan, 'bounds', (select page_bounds from hits limit 1)
    ${filters.length > 0 ? lowest : sql``}))::text`;
}

/** Hits beyond a place in the order by score and id, both descending. */
function beyond({ direction, side, key, id }: ListingPosition): SQL {
  const inclusive = (direction === "forward") === (side === "before") ? "=" : "";
  const operator = sql.raw((direction === "forward" ? "<" : ">") + inclusive);
  return sql`(score, book_id) ${operator} (${key}::int, ${id}::uuid)`;
}

/**
 * The page of a search in another order. Where many books match, it walks along the order; else it sorts the matches. Only
 * the branch that the plan of the search chooses is run.
 */
export function sortedPage(order: KeysetOrder, { terms, filters, place, limit, count }: SearchPage): SQL {
  const position = "position" in place ? place.position : undefined;
  const pageOf = (condition: SQL, from?: SQL) => {
    const options = { from, filters: [...filters, condition], limit, json: sql`${books.json}` };
    return "offset" in place
      ? offsetPage(books, order, { ...options, offset: place.offset })
      : filteredPage(books, order, { ...options, position });
  };
  const isCommon = sql`(select (plan).is_common from planned)`;
  // OFFSET 0 keeps the planner from turning one way into the other.
  const walked = pageOf(sql`${isCommon} and exists (
    select from ${bookSearch} where ${bookSearch.book_id} = ${books.id} and words @@ (select (plan).query from planned) offset 0
  )`);
  const matching = sql`(select * from ${books} where not ${isCommon} and ${books.id} in (${MATCHING}) offset 0) as ${books}`;
  const sorted = pageOf(sql`true`, matching);
  return sql`with planned as materialized (${planned(valuesOf(terms), position)})
    select coalesce((${walked}), (${sorted})) as lines, (plan).match,
      ${total(count, filters)} as total,
      ${position ? sql`null` : sql`json_strip_nulls(json_build_object('plan', plan))::text`} as state
    from planned`;
}

/** Plans the search, or reads the plan and the bounds of the first page from the state of the cursor. */
function planned({ search, author }: Typed, position: ListingPosition | undefined): SQL {
  if (!position) {
    return sql`select plan, null::octavo_search_bounds as bounds
      from octavo_plan_search(${search}, ${author}) as plan`;
  }
  return sql`select json_populate_record(null::octavo_search_plan, state -> 'plan') as plan,
      json_populate_record(null::octavo_search_bounds, state -> 'bounds') as bounds,
      (state -> 'lowest' ->> 'score')::int as lowest_score, (state -> 'lowest' ->> 'book_id')::uuid as lowest_id
    from (select ${JSON.stringify(position.state)}::json as state) as cursor`;
}

/** The ids of all matches. The plan says which part of its query the index finds quickly. */
const MATCHING = sql`select book_id from (
    select ${bookSearch.book_id}, ${bookSearch.words} from ${bookSearch} where words @@ (select (plan).indexed from planned) offset 0
  ) as indexed where words @@ (select (plan).query from planned)`;

/** The number of all matches. The planner's estimate leaves the other conditions to the caller. */
function total(count: SearchPage["count"], filters: SQL[]): SQL {
  if (!count) return sql`null::text`;
  if (count === "estimated") return sql`octavo_estimate_matches((plan).query)::text`;
  const passing = sql`join ${books} on ${books.id} = book_id ${where(filters)}`;
  return sql`(select count(*)::text from (${MATCHING}) as matching ${filters.length > 0 ? passing : sql``})`;
}
