/** Searches for books of a catalogue, and the book that each of them should find. */
import {
  authorFirst,
  half,
  otherOrder,
  plain,
  type Random,
  type Sought,
  slip,
  title,
  titleAndAuthor,
} from "./terms.ts";

/** What somebody types, its kind, and the title of the book. */
export interface MadeCase {
  kind: string;
  q: string;
  title: string;
}

const KINDS: Record<string, (book: Sought, random: Random) => string> = {
  title,
  "title and author": titleAndAuthor,
  "author first": authorFirst,
  "other order": otherOrder,
  "without marks": plain,
  "a slip": slip,
  "half-typed": half,
};

/** As many books as are sought, at most. */
const BOOKS = 500;

/** One search of each kind for books from all over the catalogue. */
export function casesOf(books: Sought[], random: Random): MadeCase[] {
  const step = Math.max(1, books.length / BOOKS);
  const sought = Array.from(
    { length: Math.min(BOOKS, books.length) },
    (_, at) => books[Math.floor(at * step)] as Sought,
  );
  return Object.entries(KINDS).flatMap(([kind, typed]) =>
    sought.map((book) => ({ kind, q: typed(book, random), title: book.title })),
  );
}
