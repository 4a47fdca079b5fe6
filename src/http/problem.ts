import type { ConstraintFault } from "../db/faults.ts";
import { PROBLEMS, type ProblemCode } from "./problems.ts";

/** The codes of the errors in a `validation_failed` problem. */
export const VALIDATION_CODES = [
  "required",
  "invalid_type",
  "too_short",
  "too_long",
  "out_of_range",
  "invalid_format",
  "unknown_field",
  "invalid_isbn",
  "zero_price_with_stock",
  "not_found",
  "duplicate",
] as const;

export type ValidationCode = (typeof VALIDATION_CODES)[number];

/** One wrong field or parameter; `path` is dotted, and empty for the body as a whole and for an empty name. */
export interface ValidationError {
  in: "body" | "query" | "path" | "header";
  path: string;
  code: ValidationCode;
  message: string;
}

/** How many errors a response lists, and how many characters of a name: it must not outgrow its request. */
export const MAX_DETAILS = 100;
const MAX_PATH = 100;

/** Collects the errors of a request: the first of them, and their count. */
export class ValidationErrors {
  readonly listed: ValidationError[] = [];
  count = 0;

  add(part: ValidationError["in"], path: string, code: ValidationCode, message: string): void {
    this.count++;
    if (this.listed.length < MAX_DETAILS)
      this.listed.push({ in: part, path: shortened(path), code, message });
  }
}

/** The result is well-formed, even if it is cut within a surrogate pair. */
function shortened(path: string): string {
  if (path.length <= MAX_PATH) return path.toWellFormed();
  return `${path.slice(0, MAX_PATH - 1).replace(/[\ud800-\udbff]$/, "")}…`.toWellFormed();
}

/** A line of a sale that the stock does not cover. */
export interface ShortLine {
  /** Its place among the lines, from 0. */
  line: number;
  id: string;
  isbn: string;
  /** The current stock. */
  available: number;
}

/** Extension members of single problems (RFC 9457, section 3.2). */
export interface Extension {
  /** The current stock. Only with `insufficient_stock` of one book. */
  available?: number;
  /** The lines that the stock does not cover. Only with `insufficient_stock` of several books. */
  lines?: ShortLine[];
  /** The id and ISBN of the existing resource. Only with `conflict`. */
  id?: string;
  isbn?: string;
}

/** What violating a constraint of the database means to a client, by the constraint's name. */
export type ConstraintMeanings = Record<string, (error: ConstraintFault) => Problem>;

/** Thrown wherever a request fails; the pipeline turns it into the response. */
export class Problem extends Error {
  override name = "Problem";
  readonly code: ProblemCode;
  readonly headers: Record<string, string>;
  readonly extension: Extension;
  readonly details: ValidationError[] | undefined;
  readonly omitted: number;

  /**
   * @param message one sentence for the client, without internals
   * @param extra headers to send, extension members, the errors of a `validation_failed` and how many it omits, and a
   *   cause for the log
   */
  constructor(
    code: ProblemCode,
    message: string,
    extra: {
      headers?: Record<string, string>;
      extension?: Extension;
      details?: ValidationError[];
      omitted?: number;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: extra.cause });
    this.code = code;
    this.headers = extra.headers ?? {};
    this.extension = extra.extension ?? {};
    this.details = extra.details;
    this.omitted = extra.omitted ?? 0;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }

  /** The body, with its members in the same order on every runtime. */
  body(requestId: string) {
    const { status, title } = PROBLEMS[this.code];
    return {
      type: `/problems/${this.code}`,
      title,
      status,
      error: this.code,
      message: this.message,
      detail: this.message,
      request_id: requestId,
      ...this.extension,
      ...(this.details && { details: this.details }),
      ...(this.omitted > 0 && { details_omitted: this.omitted }),
    };
  }

  reply(requestId: string) {
    return {
      status: this.status,
      body: JSON.stringify(this.body(requestId)),
      headers: { "Content-Type": "application/problem+json", ...this.headers },
    };
  }
}

/**
 * A 422 that lists errors.
 *
 * @param count the number of all errors, including those that `details` omits
 */
export function validationFailed(details: ValidationError[], count = details.length): Problem {
  const [first] = details;
  const omitted = count - details.length;
  const listed = omitted > 0 ? `the first ${details.length}` : "all";
  const message =
    count === 1 && first
      ? sentence(first)
      : `The request has ${count} validation errors; details lists ${listed} of them.`;
  return new Problem("validation_failed", message, { details, omitted });
}

/** A 422 for one member of the body. */
export function invalidMember(path: string, code: ValidationCode, message: string): Problem {
  return validationFailed([{ in: "body", path, code, message }]);
}

function sentence({ in: part, path, code, message }: ValidationError): string {
  const nameless = part === "query" ? "A parameter" : code === "unknown_field" ? "A field" : "The body";
  return `${path || nameless} ${message}.`;
}
