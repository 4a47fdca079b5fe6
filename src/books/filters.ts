/** The conditions of the listing's filters, without those of a search. */
import { eq, gte, inArray, lte, type SQL, sql } from "drizzle-orm";
import { type bookChanges, books } from "../db/schema.ts";
import type { BookFilters } from "./listing.ts";

/** The date of publication as a sort key: as text, and unknown dates first. */
export const publishedKey = sql`coalesce(${books.published}, '') collate "C"`;

/** Text without case, in any alphabet and whatever the machine's locale is. */
const lower = (text: SQL | typeof books.publisher) => sql`lower(${text} collate pg_c_utf8)`;

export function filtersOf(query: BookFilters): SQL[] {
  const { id, isbn, publisher, language, format, subject } = query;
  const { min_price, max_price, published_from, published_to } = query;
  return [
    ...(id ? [oneOf(books.id, id)] : []),
    ...(isbn ? [oneOf(books.isbn, isbn)] : []),
    ...(publisher ? [sql`${lower(books.publisher)} = ${lower(sql`${publisher}::text`)}`] : []),
    ...(language ? [sql`lower(${books.language} collate "C") = ${language.toLowerCase()}`] : []),
    ...(format ? [eq(books.format, format)] : []),
    ...(subject ? [sql`octavo_lower(${books.subjects}) @> octavo_lower(array[${subject}::text])`] : []),
    ...(published_from ? [mayBeFrom(published_from)] : []),
    ...(published_to ? [sql`${publishedKey} between '0' and ${`${published_to}~`}`] : []),
    ...(min_price ? [gte(books.price, min_price)] : []),
    ...(max_price ? [lte(books.price, max_price)] : []),
    ...stockFilters(query, books.stock),
  ];
}

/** The filters of the stock, on either of the columns that have it. */
export function stockFilters(
  { in_stock, stock_below }: Pick<BookFilters, "in_stock" | "stock_below">,
  stock: typeof books.stock | typeof bookChanges.stock,
): SQL[] {
  return [
    ...(in_stock === undefined ? [] : [in_stock ? sql`${stock} > 0` : sql`${stock} = 0`]),
    ...(stock_below === undefined ? [] : [sql`${stock} < ${stock_below}::int`]),
  ];
}

const oneOf = (column: typeof books.id | typeof books.isbn, values: string[]) =>
  values.length === 1 ? eq(column, values[0] as string) : inArray(column, values);

/**
 * Dates that overlap the time from a date on: those that are not earlier as text, and the year or month that contains it. The
 * lower bound by the year lets the index skip the rest.
 */
function mayBeFrom(date: string): SQL {
  const periods = [4, 7].filter((length) => length < date.length).map((length) => date.slice(0, length));
  const later = sql`${publishedKey} >= ${date}`;
  if (periods.length === 0) return later;
  return sql`(${publishedKey} >= ${date.slice(0, 4)} and (${later} or ${inArray(publishedKey, periods)}))`;
}
