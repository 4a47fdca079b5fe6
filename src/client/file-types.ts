/** The parameters of exports and imports, and the reports of imports. */
import type { ValidationError } from "./problem-types.ts";
import type { BookFilters, BookFormat } from "./types.ts";

/** Which books to export, and how. */
export interface BookExport extends Omit<BookFilters, "format" | "sort"> {
  /** The format of the books. */
  book_format?: BookFormat | undefined;
  /** By id by default: the oldest first. */
  sort?: Exclude<BookFilters["sort"], "relevance">;
  /** The format of the file. */
  format?: "csv" | "ndjson" | undefined;
  /** Adds `id`, `created_at` and `updated_at`. */
  with_ids?: boolean | undefined;
  /** CSV for Excel: with a byte order mark, ISBNs as text, and formulas escaped. */
  excel?: boolean | undefined;
  /** CSV: puts `'` before text that a spreadsheet would run as a formula. */
  escape_formulas?: boolean | undefined;
}

/** How to import a file. The members are the parameters of the API. */
export interface BookImport {
  /** The media type, if the file does not have it: `text/csv`, `application/x-ndjson` or `application/onix+xml`. */
  type?: string;
  dry_run?: boolean | undefined;
  on_error?: "skip" | "stop" | undefined;
  skip_rows?: number | undefined;
  /** Names of members, separated by commas. */
  only?: string | undefined;
  default_price?: number | undefined;
  /** CSV: what columns hold, as `Column=member`, separated by commas. */
  map?: string | undefined;
  decimal?: "." | "," | undefined;
  currency?: string | undefined;
  stock_if_available?: number | undefined;
  no_delete?: boolean | undefined;
}

/** How far an import has come: counts of rows, and in `rows` the number of the last one. */
export type ImportProgress = Record<
  "rows" | "created" | "updated" | "unchanged" | "deleted" | "refused",
  number
>;

export interface ImportSummary extends ImportProgress {
  /** Refused rows that the report does not list. */
  refused_omitted: number;
  /** Rows whose ISBN came before in the file. */
  duplicates: number;
  /** How often each repair was made. */
  repairs: Record<string, number>;
  /** With `on_error: "stop"`: a row was refused, and nothing was imported from its batch on. */
  stopped: boolean;
  dry_run: boolean;
}

export interface RefusedRow {
  row: number;
  isbn: string | null;
  details: Omit<ValidationError, "in">[];
}
