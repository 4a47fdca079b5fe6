/** What an import writes at a time. */
import type { BookRow, DeletionRow, RefusedRow, Row } from "./rows.ts";

/** The most rows of a transaction. It holds the locks of their books. */
const BATCH_ROWS = 5000;
/** The most characters of JSON in a batch, beyond its last row. */
const BATCH_LENGTH = 4 * 1024 * 1024;

/** Rows of different books, in the order of the file. */
export class Batch {
  readonly refused: RefusedRow[] = [];
  duplicates = 0;
  lastRow = 0;
  readonly #byIsbn = new Map<string, BookRow | DeletionRow>();
  #added = 0;
  #length = 0;

  add(row: Row): void {
    this.lastRow = row.row;
    this.#added++;
    if (row.kind === "refused") {
      this.refused.push(row);
      this.#length += row.source?.length ?? 0;
      return;
    }
    const earlier = this.#byIsbn.get(row.isbn);
    if (earlier) this.duplicates++;
    this.#byIsbn.set(row.isbn, earlier ? successor(earlier, row) : row);
    this.#length += lengthOf(row);
  }

  get rows(): (BookRow | DeletionRow)[] {
    return [...this.#byIsbn.values()];
  }

  get isFull(): boolean {
    return this.#added >= BATCH_ROWS || this.#length >= BATCH_LENGTH;
  }

  get isEmpty(): boolean {
    return this.lastRow === 0;
  }
}

/** What two rows of one book come to: the later wins, and leaves what it does not have. */
function successor(earlier: BookRow | DeletionRow, later: BookRow | DeletionRow): BookRow | DeletionRow {
  if (earlier.kind === "deletion" || later.kind === "deletion") return later;
  return { ...later, book: { ...earlier.book, ...later.book } };
}

/** About how many characters a row adds to its batch: of its texts, and of the names and numbers beside them. */
function lengthOf(row: BookRow | DeletionRow): number {
  let length = 100;
  if (row.kind === "book")
    for (const value of Object.values(row.book))
      length += 20 + (typeof value === "string" ? value.length : 0);
  return length;
}
