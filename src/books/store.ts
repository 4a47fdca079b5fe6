/** Books in Postgres: SQL and nothing else. Every function is one round trip, and a book comes back as JSON text. */
import { eq, gte, lte, type SQL, sql } from "drizzle-orm";
import { type Claim, defineEffect, once, type Replay } from "../db/idempotency.ts";
import { instant, jsonObject } from "../db/json.ts";
import {
  definePages,
  filteredPage,
  type KeysetOrder,
  type Lines,
  offsetPage,
  type Position,
  where,
} from "../db/keyset.ts";
import type { Database, Row } from "../db/ports.ts";
import {
  defineLookup,
  defineResource,
  MissingFault,
  type Resource,
  readOne,
  resourceColumns,
  type VersionDemand,
} from "../db/resource.ts";
import { books, stockMovements } from "../db/schema.ts";
import type { MovementQuery, StockAdjustment } from "../stock/contract.ts";
import { type BookChanges, type BookQuery, MAX_STOCK, type NewBook, SORTS } from "./contract.ts";
import { parseIsbn } from "./isbn.ts";

const bookJson = sql`${books.json}`;
const representation = { json: bookJson, format: sql`${books.format}` };

/** The columns that a client writes. */
const columns = [books.title, books.author, books.isbn, books.price, books.stock, books.description];

const resource = defineResource(books, {
  representation,
  columns: { create: columns, change: columns },
  unique: { column: books.isbn, constraint: "books_isbn_key" },
  rule: {
    constraint: "books_zero_price_with_stock",
    isBroken: (book) => sql`${book}.price = 0 and ${book}.stock > 0`,
  },
});

const byIsbn = defineLookup(books, books.isbn, representation);

/** @throws MismatchFault, InProgressFault, TakenFault where another book has the ISBN */
export function createBook(
  database: Database,
  members: NewBook,
  claim: Claim | undefined,
): Promise<Resource | Replay> {
  return resource.create(database, members, claim);
}

/** @throws MissingFault */
export function readBook(database: Database, by: { id: string } | { isbn: string }): Promise<Resource> {
  return "id" in by ? resource.read(database, by.id) : readOne(database, byIsbn, by.isbn);
}

/** @throws MissingFault, VersionFault, ConstraintFault `books_zero_price_with_stock`, TakenFault */
export function updateBook(
  database: Database,
  id: string,
  changes: BookChanges,
  demand: VersionDemand,
): Promise<Resource> {
  return resource.change(database, id, changes, demand);
}

/** @throws MissingFault, VersionFault */
export function deleteBook(database: Database, id: string, demand: VersionDemand): Promise<void> {
  return resource.delete(database, id, demand);
}

/**
 * Adds to the stock of a book, or takes from it, where the sum is a stock that the book may have.
 *
 * @returns the book, or the stock that does not take the change
 * @throws MissingFault, MismatchFault, InProgressFault
 */
export async function adjustStock(
  database: Database,
  id: string,
  { delta, reason }: StockAdjustment,
  claim: Claim | undefined,
): Promise<Resource | Replay | StockRefusal> {
  const row = await once<Resource | { id: null; available: number | null }>(database, claim, adjustment, {
    id,
    delta,
    reason: reason ?? "",
  });
  if (!("id" in row) || row.id !== null) return row;
  if (row.available === null) throw new MissingFault();
  return { id: null, available: row.available };
}

const adjustment = defineEffect(
  (go, value) => sql`
    held as materialized (
      select id, price, stock, stock + ${value("delta")}::bigint as sum from ${books}
      where id = ${value("id")}::uuid and ${go} for update
    ),
    due as materialized (
      select id, sum, set_config('octavo.movement_reason', ${value("reason")}::text, true) from held
      where sum between 0 and ${sql.raw(`${MAX_STOCK}`)} and (price > 0 or sum = 0)
    ),
    changed as (
      update ${books} set stock = due.sum from due where ${books.id} = due.id
      returning ${resourceColumns(books, representation)}
    ),
    effect as (
      select changed.*, held.stock as available
      from (select) one left join held on true left join changed on true
    )`,
);

/** A stock that was left as it is, as it was at that moment. */
export type StockRefusal = { id: null; available: number };

const movementJson = jsonObject({
  id: stockMovements.id,
  book_id: stockMovements.bookId,
  delta: stockMovements.delta,
  stock_after: stockMovements.stockAfter,
  reason: stockMovements.reason,
  created_at: instant(stockMovements.createdAt),
});

const ofBook = { column: stockMovements.createdAt, id: stockMovements.id, descending: true };

/** No row where there is no book. */
const movementPages = definePages(stockMovements, ofBook, {
  json: movementJson,
  filters: (value) => [sql`${stockMovements.bookId} = ${value("book")}::uuid`],
  around: (page, value) => sql`select page.* from ${books} cross join lateral (${page}) page
    where ${books.id} = ${value("book")}::uuid`,
});

/**
 * Up to `limit + 1` movements of a book's stock from `position` on, in the direction of travel; the newest come first.
 *
 * @throws MissingFault where there is no such book
 */
export async function listMovements(
  database: Database,
  bookId: string,
  { limit }: MovementQuery,
  position: Position | undefined,
): Promise<Lines> {
  const [found] = await database.read<Lines>(movementPages(position, limit, { book: bookId }));
  if (!found) throw new MissingFault();
  return found;
}

export interface BookListing {
  found: Lines;
  /** Counted, or estimated by the planner, where the query asked for either. */
  total: number | undefined;
}

/** The pages of all books, in each order. */
const pagesBy = new Map(SORTS.map((sort) => [sort, definePages(books, orderOf(sort), { json: bookJson })]));

function pageOf({ sort, limit }: BookQuery, filters: SQL[], position: Position | undefined) {
  const pages = filters.length === 0 && pagesBy.get(sort);
  return pages
    ? pages(position, limit)
    : filteredPage(books, orderOf(sort), { filters, position, limit, json: bookJson });
}

/** Up to `limit + 1` books from `position` on, in the direction of travel. */
export async function listBooks(
  database: Database,
  query: BookQuery,
  position: Position | undefined,
): Promise<BookListing> {
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
): Promise<{ found: Lines; total: number }> {
  const filters = filtersOf(query);
  const offset = (page - 1) * query.limit;
  const [[found], counted] = (await database.batch("snapshot", [
    offsetPage(books, orderOf(query.sort), { filters, offset, limit: query.limit, json: bookJson }),
    exactCount(filters),
  ])) as [[Lines], Row[]];
  return { found, total: totalIn(counted[0]) };
}

const exactCount = (filters: SQL[]) => sql`select count(*)::text as total from ${books} ${where(filters)}`;

const estimate = (filters: SQL[]) => sql`explain (format json) select from ${books} ${where(filters)}`;

/** A count is a row with a total; EXPLAIN answers with its plan, which some drivers parse and some do not. */
function totalIn(row: Record<string, unknown> | undefined): number {
  if (row?.total !== undefined) return Number(row.total);
  const plan = row?.["QUERY PLAN"];
  return (typeof plan === "string" ? JSON.parse(plan) : plan)[0].Plan["Plan Rows"];
}

/** The column that a listing is sorted by. */
export function sortedBy(sort: BookQuery["sort"]) {
  return sort.replace("-", "") as "created_at" | "title" | "author" | "price";
}

function orderOf(sort: BookQuery["sort"]): KeysetOrder {
  const columns = {
    created_at: books.createdAt,
    title: books.title,
    author: books.author,
    price: books.price,
  };
  return { column: columns[sortedBy(sort)], id: books.id, descending: sort.startsWith("-") };
}

function filtersOf({ author, search, isbn, min_price, max_price, in_stock }: BookQuery): SQL[] {
  return [
    ...(author ? [contains(books.authorSearchText, author)] : []),
    ...(search ? [searched(search)] : []),
    ...(isbn ? [eq(books.isbn, isbn)] : []),
    ...(min_price ? [gte(books.price, min_price)] : []),
    ...(max_price ? [lte(books.price, max_price)] : []),
    ...(in_stock === undefined ? [] : [in_stock ? sql`${books.stock} > 0` : sql`${books.stock} = 0`]),
  ];
}

/** Keeps the fields of `search_text` apart, as the schema has it; marks have spaces around them there. */
const SEPARATOR = "\x1f";

function searched(term: string): SQL {
  const digits = isbnDigits(term);
  if (!digits) return contains(books.searchText, term);
  if (digits === term) return containsDigits(digits);
  // The ISBN is the third field.
  const inIsbn = containsDigits(digits, `%${SEPARATOR}%${SEPARATOR}%${digits}%`);
  return sql`(${contains(books.searchText, term)} or ${inIsbn})`;
}

/** With so many digits of an ISBN, its last, the index finds a few candidates. The first it has for every book of a publisher. */
const TELLING_DIGITS = 6;

function containsDigits(digits: string, pattern = `%${digits}%`): SQL {
  const text = books.searchText;
  if (digits.length <= TELLING_DIGITS) return sql`${text} like ${pattern}`;
  // Without the empty text behind it, the index would look for all of the pattern.
  return sql`(${text} like ${`%${digits.slice(-TELLING_DIGITS)}%`} and ${text} || '' like ${pattern})`;
}

/** The digits of a term that can be an ISBN, or a part of one, as they are kept: without hyphens, and as ISBN-13. */
function isbnDigits(term: string): string | undefined {
  const digits = term.replace(/[\s\p{Pd}]/gu, "");
  return parseIsbn(term) ?? (/^\d{3,13}$/.test(digits) ? digits : undefined);
}

/**
 * Whether a folded text contains a term. One without three letters or digits in a row has no trigram within, and has
 * to match at the start of a word: in a folded text, behind a space.
 */
function contains(column: typeof books.searchText | typeof books.authorSearchText, term: string): SQL {
  if (term.includes(SEPARATOR)) return sql`false`;
  const start = /[\p{Alphabetic}\p{N}]{3}/u.test(term) ? "%" : "% ";
  return sql`(${column} like ${start} || ltrim(octavo_search_text(${term})) || '%' and ${guessedAThird(column)})`;
}

/**
 * Always true, and taken by the planner for true in one row of three. What it knows of terms is a sample, where chance puts a
 * rare one twice: it would walk through all books in order then. This way it uses the index unless a term is common indeed.
 */
const guessedAThird = (column: typeof books.searchText | typeof books.authorSearchText) =>
  sql`octet_length(${column}) > 0`;
