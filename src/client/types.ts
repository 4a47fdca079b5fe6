/**
 * What the API takes and gives. Written out, so that an editor shows them in full and the client needs nothing
 * installed; test/client/client.types.ts holds them to the contracts that validate.
 */

export interface Book {
  id: string;
  title: string;
  author: string;
  /** ISBN-13, digits only. */
  isbn: string;
  /** Two decimals or fewer. */
  price: number;
  stock: number;
  description: string | null;
  /** RFC 3339, UTC, microseconds: `2026-03-28T12:00:00.123456Z`. */
  created_at: string;
  updated_at: string;
}

export interface NewBook {
  title: string;
  author: string;
  /** ISBN-10 or ISBN-13; hyphens, spaces, a label (`ISBN-13:`) and a qualifier (`(pbk.)`) are passed over. */
  isbn: string;
  /** Two decimals or fewer; above 0 for a book with stock. */
  price: number;
  /** 0 unless given. */
  stock?: number | undefined;
  description?: string | null | undefined;
}

/** Any part of a book. A whole one may be sent back: what only the server writes is ignored. */
export interface BookChanges {
  title?: string | undefined;
  author?: string | undefined;
  /** ISBN-10 or ISBN-13; hyphens, spaces, a label (`ISBN-13:`) and a qualifier (`(pbk.)`) are passed over. */
  isbn?: string | undefined;
  /** Two decimals or fewer; above 0 for a book with stock. */
  price?: number | undefined;
  stock?: number | undefined;
  /** Null clears it. */
  description?: string | null | undefined;
  id?: unknown;
  created_at?: unknown;
  updated_at?: unknown;
}

/** Which books a listing has, and in which order. */
export interface BookFilters {
  /** Part of title, author or ISBN, in any case. */
  search?: string | undefined;
  /** Part of the author's name, in any case. */
  author?: string | undefined;
  isbn?: string | undefined;
  min_price?: number | undefined;
  max_price?: number | undefined;
  in_stock?: boolean | undefined;
  /** `-created_at` unless given: the newest first. */
  sort?: `${"" | "-"}${"created_at" | "title" | "author" | "price"}` | undefined;
}

/** Where a page begins, and how long it is. */
export interface PageQuery {
  /** Rows in a page, 1 to 100: 20 unless given, 100 where all pages are walked. */
  limit?: number | undefined;
  /** `next_cursor` or `prev_cursor` of a page of the same listing. */
  cursor?: string | undefined;
}

export interface BookQuery extends BookFilters, PageQuery {
  /** Adds the number of all rows as `total`. */
  count?: "exact" | "estimated" | undefined;
}

export interface Page<Row> {
  data: Row[];
  limit: number;
  next_cursor: string | null;
  prev_cursor: string | null;
}

export interface BookPage extends Page<Book> {
  /** The number of all rows, where `count` asked for it. */
  total?: number | undefined;
  total_is_estimate?: true | undefined;
}

/** A page by its number. */
export interface NumberedPage<Row> {
  data: Row[];
  total: number;
  page: number;
  limit: number;
  total_pages: number;
}

export interface StockAdjustment {
  /** What is added to the stock; what is taken from it is below 0. */
  delta: number;
  reason?: string | null | undefined;
}

export interface StockMovement {
  id: string;
  book_id: string;
  delta: number;
  stock_after: number;
  reason: string | null;
  created_at: string;
}

export interface Task {
  id: string;
  title: string;
  completed: boolean;
  created_at: string;
  updated_at: string;
}

export interface NewTask {
  title: string;
}

/** Any part of a task. A whole one may be sent back: what only the server writes is ignored. */
export interface TaskChanges {
  title?: string | undefined;
  completed?: boolean | undefined;
  id?: unknown;
  created_at?: unknown;
  updated_at?: unknown;
}

export interface TaskQuery extends PageQuery {
  completed?: boolean | undefined;
}

/** What went wrong, for programs; `GET /problems/{code}` explains each. */
export type ProblemCode =
  | "invalid_json"
  | "invalid_cursor"
  | "invalid_header"
  | "unauthorized"
  | "forbidden"
  | "not_found"
  | "method_not_allowed"
  | "request_timeout"
  | "conflict"
  | "insufficient_stock"
  | "idempotency_in_progress"
  | "precondition_failed"
  | "payload_too_large"
  | "unsupported_media_type"
  | "misdirected_request"
  | "validation_failed"
  | "idempotency_mismatch"
  | "rate_limited"
  | "internal_error"
  | "database_unavailable"
  | "service_unavailable";

/** One wrong field or parameter. */
export interface Fault {
  in: "body" | "query" | "path" | "header";
  /** Dotted, and empty for the body as a whole and for an empty name. */
  path: string;
  code:
    | "required"
    | "invalid_type"
    | "too_short"
    | "too_long"
    | "out_of_range"
    | "invalid_format"
    | "unknown_field"
    | "invalid_isbn"
    | "zero_price_with_stock";
  /** Goes on after the field's name: "must be 0 or more". */
  message: string;
}

/** The body of every error answer (RFC 9457). */
export interface ProblemBody {
  /** Where the type is explained: `/problems/validation_failed`. */
  type: string;
  title: string;
  status: number;
  error: ProblemCode;
  /** One sentence for people. */
  message: string;
  detail: string;
  request_id: string;
  /** The stock there is; with `insufficient_stock` alone. */
  available?: number | undefined;
  /** The resource in the way; with `conflict` alone. */
  id?: string | undefined;
  /** The ISBN that it has; with `conflict` alone. */
  isbn?: string | undefined;
  /** The faults, 100 at most; with `validation_failed` alone. */
  details?: Fault[] | undefined;
  /** How many more there are. */
  details_omitted?: number | undefined;
}
