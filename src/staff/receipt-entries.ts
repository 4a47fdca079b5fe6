/** What the ledger has under a reference, book by book. */
import type { Entry } from "../stock/movements.ts";

export interface BookEntry {
  id: string;
  isbn: string;
  /** Undefined if the book was deleted. */
  book: Entry["book"];
  /** The sum of the movements. */
  delta: number;
  /** The stock after the newest of them. */
  after: number;
}

/** The movements with a reason, the newest of a book together with its older ones. */
export function byBook(entries: Entry[], reason: string): BookEntry[] {
  const found = new Map<string, BookEntry>();
  for (const { book_id: id, isbn, book, delta, stock_after: after, reason: given } of entries) {
    if (given !== reason) continue;
    const newest = found.get(id);
    if (newest) newest.delta += delta;
    else found.set(id, { id, isbn, book, delta, after });
  }
  return [...found.values()];
}
