/** Stock, and what changed in the catalogue. */
import type { Book, PageQuery } from "./types.ts";

/** What a movement says of its change. */
export interface StockNote {
  reason?: string | null | undefined;
  /** The order or receipt that the change belongs to. */
  reference?: string | null | undefined;
}

export interface StockAdjustment extends StockNote {
  /** The quantity to add to the stock, or to take from it if negative. */
  delta: number;
}

export interface StockCount extends StockNote {
  /** What was counted. */
  stock: number;
}

/** A book, by its id or its ISBN, and the quantity to add to its stock, or to take from it if negative. */
export interface StockLine {
  id?: string | undefined;
  isbn?: string | undefined;
  delta: number;
}

/** A sale or a delivery. */
export interface StockTransaction extends StockNote {
  /** 1 to 200 lines, each of another book. */
  lines: StockLine[];
}

/** The new stock of each book, in the order of the lines. */
export interface StockLevels {
  lines: { id: string; isbn: string; stock: number }[];
}

export interface StockMovement {
  id: string;
  book_id: string;
  /** The book's ISBN at the time. */
  isbn: string;
  delta: number;
  stock_after: number;
  /** `deleted` if the book was deleted. */
  reason: string | null;
  reference: string | null;
  /** Who made the change: the subject of a token. Null if it was made in the database. */
  actor: string | null;
  created_at: string;
}

export interface LedgerQuery extends PageQuery {
  /** Only movements with exactly this reference. */
  reference?: string | undefined;
  reason?: string | undefined;
  /** Only movements at this time or later: `2026-03-28T12:00:00Z`. */
  since?: string | undefined;
  /** Only movements before this time. */
  until?: string | undefined;
}

/** Where the feed begins: after a cursor, or with every book. */
export interface ChangeQuery {
  /** The cursor after which to go on. */
  since?: string | undefined;
  /** Changes in a page, 1 to 5,000. The default is 1,000. */
  limit?: number | undefined;
}

export interface Change {
  id: string;
  isbn: string;
  /** New books have `changed`, too. */
  kind: "changed" | "deleted";
  /** Rises with every change, and with the deletion. */
  version: number;
  /** The book as it is now; null if it was deleted. */
  book: Book | null;
  changed_at: string;
}

export interface ChangePage {
  data: Change[];
  /** Where to go on, now or later. */
  next_cursor: string;
  /** Whether to ask again at once. */
  more: boolean;
  /** Once `more` is false, the copy has every change that was committed before this time. */
  complete_to: string;
}
