/** Books in Postgres: SQL and nothing else. Every function is one round trip and returns books as JSON text. */
import { type SQL, sql } from "drizzle-orm";
import type * as z from "zod";
import type { Claim, Replay } from "../db/idempotency.ts";
import {
  definePages,
  filteredPage,
  type KeysetOrder,
  type Lines,
  type ListingPosition,
  offsetPage,
  orderBy,
  where,
} from "../db/keyset.ts";
import type { Database, Row } from "../db/ports.ts";
import { defineLookup, defineResource, type Resource, readOne, type VersionDemand } from "../db/resource.ts";
import { bookChanges, books } from "../db/schema.ts";
import { bind, defineStatement } from "../db/statements.ts";
import { type Book, type BookChanges, type BookInput, OPTIONAL, REQUIRED, WRITABLE } from "./book.ts";
import { filtersOf, publishedKey, stockFilters } from "./filters.ts";
import { type BookFilters, type BookQuery, limitOf, memberOf, SORTS, type Sort, sortOf } from "./listing.ts";
import { type FoundLines, type Match, type PagePlace, rankedPage, sortedPage } from "./search.ts";

const bookJson = sql`${books.json}`;
export const representation = { json: bookJson, format: sql`${books.json_format}` };

/** Beside its members, a write says who makes it. The movement says so too if the stock changes. */
const columns = [...WRITABLE.map((name) => books[name]), books.next_movement];
const by = (actor: string) => ({ next_movement: { actor } });

const resource = defineResource(books, {
  representation,
  columns: { create: columns, change: columns },
  unique: { column: books.isbn, constraint: "books_isbn_key" },
  rule: {
    constraint: "books_zero_price_with_stock",
    holds: (book) => sql`${book}.price > 0 or ${book}.stock = 0`,
  },
  // The trigger that writes the closing movement takes its actor from this setting.
  beforeDeletion: (value) => [
    sql`set_config('octavo.deletion', json_build_object('book', ${value("id")}, 'actor', ${value("actor")})::text, true)`,
  ],
});

const byIsbn = defineLookup(books, books.isbn, representation);

/** @throws MismatchFault, InProgressFault, and TakenFault if another book has the ISBN */
export function createBook(
  database: Database,
  members: BookInput,
  actor: string,
  claim: Claim | undefined,
): Promise<Resource | Replay> {
  return resource.create(database, { ...members, ...by(actor) }, claim);
}

/** @throws MissingFault */
export function readBook(database: Database, by: { id: string } | { isbn: string }): Promise<Resource> {
  return "id" in by ? resource.read(database, by.id) : readOne(database, byIsbn, by.isbn);
}

/** What a till shows of a book. */
export type BookOnSale = Pick<
  z.output<typeof Book>,
  "isbn" | "title" | "author" | "price" | "stock" | "language"
>;

const onSale = defineStatement({
  types: { isbns: "text[]" },
  build: (value) => sql`select ${books.isbn} as isbn, ${books.title} as title, ${books.author} as author,
      ${books.price}::text as price, ${books.stock} as stock, ${books.language} as language
    from ${books} where ${books.isbn} = any(${value("isbns")})`,
});

/** The books with these ISBNs, by their ISBN. */
export async function readBooksOnSale(database: Database, isbns: string[]): Promise<Map<string, BookOnSale>> {
  if (isbns.length === 0) return new Map();
  const found = await database.read<Omit<BookOnSale, "price"> & { price: string }>(bind(onSale, { isbns }));
  return new Map(found.map((book) => [book.isbn, { ...book, price: Number(book.price) }]));
}

/** @throws MissingFault, VersionFault, ConstraintFault `books_zero_price_with_stock`, TakenFault */
export function updateBook(
  database: Database,
  id: string,
  changes: BookChanges,
  actor: string,
  demand: VersionDemand,
): Promise<Resource> {
  return resource.change(database, id, { ...changes, ...by(actor) }, demand);
}

/**
 * Changes the book with an ISBN, or adds it.
 *
 * @throws MissingFault, IncompleteFault, VersionFault, ConstraintFault `books_zero_price_with_stock`
 */
export function putBook(
  database: Database,
  isbn: string,
  changes: BookChanges,
  actor: string,
  demand: VersionDemand,
): Promise<Resource & { isNew: boolean }> {
  const written = { ...changes, ...by(actor) };
  const members = { ...OPTIONAL, ...written, isbn };
  return resource.put(database, isbn, written, isComplete(members) ? members : undefined, demand);
}

const isComplete = (members: object) => REQUIRED.every((name) => name in members);

/** @throws MissingFault, VersionFault */
export function deleteBook(
  database: Database,
  id: string,
  actor: string,
  demand: VersionDemand,
): Promise<void> {
  return resource.delete(database, id, demand, actor);
}

export interface BookListing {
  found: Lines;
  /** Counted, or estimated by the planner, where the query asked for either. */
  total: number | undefined;
  /** How books match the search, if there is one. */
  match?: Match;
}

/** The pages of all books, in each order. */
const pagesBy = new Map(
  SORTS.map((sort) => [sort, definePages(books, orderOf(sort), { json: bookJson, types: {} })]),
);

function pageOf(query: BookQuery, filters: SQL[], position: ListingPosition | undefined) {
  const sort = sortOf(query) as Sort;
  const limit = limitOf(query);
  const pages = filters.length === 0 && pagesBy.get(sort);
  return pages
    ? pages(position, limit, {})
    : filteredPage(books, orderOf(sort, query), { filters, position, limit, json: bookJson });
}

/** Up to `limit + 1` books from `position` on, in the direction of travel. */
export async function listBooks(
  database: Database,
  query: BookQuery,
  position: ListingPosition | undefined,
): Promise<BookListing> {
  if (query.search || query.author) return searchBooks(database, query, { position }, query.count);
  const filters = filtersOf(query);
  const page = pageOf(query, filters, position);
  if (!query.count) {
    const [found] = await database.read<Lines>(page);
    return { found: found as Lines, total: undefined };
  }
  const [[found], counted] = (await database.batch("snapshot", [
    page,
    query.count === "exact" ? exactCount(filters) : estimate(filters),
  ])) as [[Lines], Row[]];
  return { found, total: totalIn(counted[0]) };
}

/** The books of one numbered page, and how many there are in all. */
export async function listBooksByNumber(
  database: Database,
  query: BookQuery,
  page: number,
): Promise<BookListing> {
  const limit = limitOf(query);
  const offset = (page - 1) * limit;
  if (query.search || query.author) return searchBooks(database, query, { offset }, "exact");
  const filters = filtersOf(query);
  const order = orderOf(sortOf(query) as Sort, query);
  const [[found], counted] = (await database.batch("snapshot", [
    offsetPage(books, order, { filters, offset, limit, json: bookJson }),
    exactCount(filters),
  ])) as [[Lines], Row[]];
  return { found, total: totalIn(counted[0]) };
}

async function searchBooks(
  database: Database,
  query: BookQuery,
  place: PagePlace,
  count: BookQuery["count"],
): Promise<BookListing> {
  const { search, author } = query;
  const sort = sortOf(query);
  const filters = filtersOf(query);
  const options = { terms: { search, author }, filters, place, limit: limitOf(query), count };
  const page = sort === "relevance" ? rankedPage(options) : sortedPage(orderOf(sort, query), options);
  if (count !== "estimated" || filters.length === 0) {
    const [found] = (await database.read<FoundLines>(page)) as [FoundLines];
    return { found, match: found.match, total: count && Number(found.total ?? 0) };
  }
  const [[found], passing, all] = (await database.batch("snapshot", [
    page,
    estimate(filters),
    estimate([]),
  ])) as [[FoundLines], Row[], Row[]];
  // As the planner does it: the share of matches that pass is that of all books.
  const share = totalIn(passing[0]) / totalIn(all[0]);
  return { found, match: found.match, total: Math.round(Number(found.total ?? 0) * share) };
}

const oldestFirst = orderBy(books.id, books.id, false);

/** Up to `limit + 1` books after `position` in an order by a member, of a search too; by id unless given. */
export async function listInOrder(
  database: Database,
  { sort, ...query }: BookFilters & { sort?: Sort | undefined },
  position: ListingPosition | undefined,
  limit: number,
): Promise<Lines> {
  const { search, author } = query;
  const [order, filters] = [sort ? orderOf(sort, query) : oldestFirst, filtersOf(query)];
  const page =
    search || author
      ? sortedPage(order, {
          terms: { search, author },
          filters,
          place: { position },
          limit,
          count: undefined,
        })
      : filteredPage(books, order, { filters, position, limit, json: bookJson });
  const [found] = await database.read<Lines>(page);
  return found as Lines;
}

/** About how many books a listing has. */
export async function estimateBooks(database: Database, query: BookFilters): Promise<number> {
  const { total = 0 } = await listBooks(
    database,
    { ...query, limit: 1, sort: "created_at", count: "estimated" },
    undefined,
  );
  return total;
}

const exactCount = (filters: SQL[]) => sql`select count(*)::text as total from ${books} ${where(filters)}`;

const estimate = (filters: SQL[]) => sql`explain (format json) select from ${books} ${where(filters)}`;

/** A count is a row with a total; EXPLAIN answers with its plan, which some drivers parse and some do not. */
function totalIn(row: Record<string, unknown> | undefined): number {
  if (row?.total !== undefined) return Number(row.total);
  const plan = row?.["QUERY PLAN"];
  return (typeof plan === "string" ? JSON.parse(plan) : plan)[0].Plan["Plan Rows"];
}

/** The order by a member. That of stock is in a table of its own, where an index is no burden to sales. */
function orderOf(sort: Sort, query: BookFilters = {}): KeysetOrder {
  const member = memberOf(sort);
  const descending = sort.startsWith("-");
  if (member === "stock") {
    return {
      ...orderBy(bookChanges.stock, bookChanges.book_id, descending),
      join: sql`join ${bookChanges} on ${bookChanges.book_id} = ${books.id} and ${bookChanges.stock} is not null`,
      bounds: stockFilters(query, bookChanges.stock),
    };
  }
  const order = orderBy(books[member], books.id, descending);
  return member === "published" ? { ...order, key: publishedKey } : order;
}
