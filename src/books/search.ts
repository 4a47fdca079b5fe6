/** Searches books by what people type. */
import { type SQL, sql } from "drizzle-orm";
import { books } from "../db/schema.ts";
import { parseIsbn } from "./isbn.ts";

type Column = typeof books.search_text | typeof books.author_search_text;

/** The condition that the author contains a term. */
export const matchesAuthor = (term: string): SQL => contains(books.author_search_text, term);

/** Separates the fields of `search_text`: title, author, ISBN. */
const SEPARATOR = "\x1f";

/** The condition that the title, author or ISBN contains a term. */
export function matchesSearch(term: string): SQL {
  const digits = isbnDigits(term);
  if (!digits) return contains(books.search_text, term);
  if (digits === term) return containsDigits(digits);
  // The ISBN is the third field.
  const inIsbn = containsDigits(digits, `%${SEPARATOR}%${SEPARATOR}%${digits}%`);
  return sql`(${contains(books.search_text, term)} or ${inIsbn})`;
}

/** The last digits of an ISBN by which the index finds candidates. The first digits are common to a publisher's books. */
const SELECTIVE_DIGITS = 6;

function containsDigits(digits: string, pattern = `%${digits}%`): SQL {
  const text = books.search_text;
  if (digits.length <= SELECTIVE_DIGITS) return sql`${text} like ${pattern}`;
  // The empty text keeps the index from looking for the whole pattern.
  return sql`(${text} like ${`%${digits.slice(-SELECTIVE_DIGITS)}%`} and ${text} || '' like ${pattern})`;
}

/** The digits of a term that can be an ISBN or a part of one, as they are stored: without hyphens, and as ISBN-13. */
function isbnDigits(term: string): string | undefined {
  const digits = term.replace(/[\s\p{Pd}]/gu, "");
  return parseIsbn(term) ?? (/^\d{3,13}$/.test(digits) ? digits : undefined);
}

/**
 * Whether a folded text contains a term. One without three letters or digits in a row has no trigram within, and has
 * to match at the start of a word: in a folded text, behind a space.
 */
function contains(column: Column, term: string): SQL {
  if (term.includes(SEPARATOR)) return sql`false`;
  const start = /[\p{Alphabetic}\p{N}]{3}/u.test(term) ? "%" : "% ";
  return sql`(${column} like ${start} || ltrim(octavo_search_text(${term})) || '%' and ${assumedRare(column)})`;
}

/**
 * Always true, but estimated to hold for one row in three. The planner's sample overestimates rare terms, for which it would
 * then walk through all books in order; with this estimate it uses the index unless a term is very common.
 */
const assumedRare = (column: Column) => sql`octet_length(${column}) > 0`;
