/** The errors of the API. */

/** Stable error codes; `GET /problems/{code}` explains each. */
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
  | "cursor_expired"
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

/** One invalid field or parameter. */
export interface ValidationError {
  in: "body" | "query" | "path" | "header";
  /** A dotted path; empty for the whole body and for an empty name. */
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
    | "zero_price_with_stock"
    | "not_found"
    | "duplicate";
  /** Continues a sentence that begins with the field's name: "must be 0 or more". */
  message: string;
}

/** A line that the stock does not cover. */
export interface ShortLine {
  /** Its place among the lines, from 0. */
  line: number;
  id: string;
  isbn: string;
  /** The current stock. */
  available: number;
}

/** The body of every error response (RFC 9457). */
export interface ProblemBody {
  /** The URL of an explanation, such as `/problems/validation_failed`. */
  type: string;
  title: string;
  status: number;
  error: ProblemCode;
  /** One sentence for people. */
  message: string;
  detail: string;
  request_id: string;
  /** The current stock. Only with `insufficient_stock` of one book. */
  available?: number | undefined;
  /** The lines that the stock does not cover. Only with `insufficient_stock` of several books. */
  lines?: ShortLine[] | undefined;
  /** The id of the existing resource. Only with `conflict`. */
  id?: string | undefined;
  /** The ISBN of the existing resource. Only with `conflict`. */
  isbn?: string | undefined;
  /** The errors, at most 100. Only with `validation_failed`. */
  details?: ValidationError[] | undefined;
  /** The number of errors that `details` omits. */
  details_omitted?: number | undefined;
}
