/** What every parser makes of a catalogue: batches of rows, each of them a book, a deletion or a refusal. */
import { type BookChanges, WRITABLE, type writable, ZERO_PRICE_WITH_STOCK } from "../books/book.ts";
import { ISBN_REPAIRS } from "../books/isbn-repair.ts";
import type { ValidationError } from "../http/problem.ts";

/** The longest line of a file, or element of ONIX, in characters. Beyond it a row is refused by its number. */
export const MAX_ROW_LENGTH = 1_048_576;

/** What a parser changed in a row, or left out of it, so that the API accepts the rest. A summary counts them. */
export const REPAIRS = [
  ...ISBN_REPAIRS,
  "isbn_other_column",
  "description_cut",
  "format_other",
  "cover_left_out",
  "year_left_out",
  "subtitle_left_out",
  "contributors_left_out",
  "subjects_left_out",
] as const;

export type Repair = (typeof REPAIRS)[number];

/** A member of a book that a row can hold, besides the ISBN by which it is found. */
export type Member = Exclude<keyof typeof writable, "isbn">;
export const MEMBERS = WRITABLE.filter((name): name is Member => name !== "isbn");

export type RowFault = Omit<ValidationError, "in">;

interface PlaceInFile {
  /** Counts rows from 1. Header and blank lines do not count. The same file always has the same numbers. */
  row: number;
  /** The line where the row begins, from 1. */
  line: number;
}

/** What a new book has of its life in another catalogue, if the file has it and the import asks for it. */
export type Origin = Partial<Record<(typeof ORIGIN)[number], string>>;
export const ORIGIN = ["id", "created_at", "updated_at"] as const;

const ORIGIN_FORMS: Record<(typeof ORIGIN)[number], RegExp> = {
  id: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  created_at: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/,
  updated_at: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/,
};

/** The faults of an origin: an id that is no UUID, or a time that is none. */
export const originFaults = (origin: Record<string, unknown>): RowFault[] =>
  ORIGIN.filter((name) => origin[name] !== undefined).flatMap((path) =>
    ORIGIN_FORMS[path].test(`${origin[path]}`) &&
    (path === "id" || !Number.isNaN(Date.parse(`${origin[path]}`)))
      ? []
      : [{ path, code: "invalid_format", message: "must be as an export with ids has it" } as const],
  );

export interface BookRow extends PlaceInFile {
  kind: "book";
  isbn: string;
  origin?: Origin | undefined;
  /** Valid members, and only those that the file has. */
  book: Omit<BookChanges, "isbn">;
  repairs: readonly Repair[];
  /** The row as it stands in the file: the database may refuse it. */
  source: () => string;
}

/** A record that withdraws a book: only ONIX has them. */
export interface DeletionRow extends PlaceInFile {
  kind: "deletion";
  isbn: string;
  repairs: readonly Repair[];
}

export interface RefusedRow extends PlaceInFile {
  kind: "refused";
  /** Undefined if the row has no good one. */
  isbn: string | undefined;
  details: RowFault[];
  /** The row as it stands in the file, so that it can be corrected and sent again. Undefined if it is too long. */
  source: string | undefined;
}

export type Row = BookRow | DeletionRow | RefusedRow;

/** Bytes in, batches of rows out, in the order of the file. Nothing is read ahead: the consumer sets the pace. */
export type RowBatches = AsyncGenerator<Row[], void>;

/** A column of a spreadsheet, and what it holds. */
export interface NamedColumn {
  index: number;
  header: string;
  member: Member | "isbn";
}

/** How a file begins: what a file of its refused rows needs around them. */
export type FileHeader =
  | { format: "csv"; columns: NamedColumn[]; headers: string[]; delimiter: string }
  | { format: "ndjson" }
  | { format: "onix"; tag: string; attributes: Record<string, string>; header: string };

/** A file that cannot be read, or not further. The message is a sentence for people. */
export class CatalogueError extends Error {
  override name = "CatalogueError";
}

export const tooLong = (what: string): RowFault => ({
  path: "",
  code: "too_long",
  message: `is ${what} of more than 1 MiB`,
});

/** A rule across two members. Whether it holds for a row that has only one of them, the database knows. */
export function crossFaults({ price, stock = 0 }: BookRow["book"]): RowFault[] {
  if (price === undefined || Number(price) > 0 || stock === 0) return [];
  return [{ path: "price", code: "zero_price_with_stock", message: ZERO_PRICE_WITH_STOCK }];
}
