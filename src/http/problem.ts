import type { ConstraintFault } from "../db/faults.ts";

/** Every error of the API, by its machine code (RFC 9457). `GET /problems/{error}` gives `meaning` and `remedy`. */
export const PROBLEMS = {
  invalid_json: {
    status: 400,
    title: "Invalid JSON",
    meaning: "The body is not UTF-8 text in JSON.",
    remedy: "Send one complete JSON document in UTF-8.",
  },
  invalid_cursor: {
    status: 400,
    title: "Invalid cursor",
    meaning: "The cursor was changed, or it belongs to a listing with other filters or another order.",
    remedy:
      "Follow next_cursor, prev_cursor or the Link header as they are, with the filters and the sort they came from.",
  },
  invalid_header: {
    status: 400,
    title: "Invalid header",
    meaning: "A header that the request depends on cannot be read.",
    remedy:
      'The message names the header. Entity tags go in double quotes and are separated by commas: If-Match: "a", "b". An Idempotency-Key has 1 to 255 visible ASCII characters.',
  },
  unauthorized: {
    status: 401,
    title: "Unauthorized",
    meaning: "The request needs a token, and brought none or one that does not verify.",
    remedy: "Send Authorization: Bearer with a token that has not expired.",
  },
  forbidden: {
    status: 403,
    title: "Forbidden",
    meaning: "The token is good, but its roles do not allow this request.",
    remedy: "Ask for a token with the role that the reference names for this route.",
  },
  not_found: {
    status: 404,
    title: "Not found",
    meaning: "There is no such route, or nothing with this id or ISBN.",
    remedy: "Check the path; ids are UUIDs, and paths have no trailing slash.",
  },
  method_not_allowed: {
    status: 405,
    title: "Method not allowed",
    meaning: "The path is known, but not with this method.",
    remedy: "The Allow header lists the methods of the path.",
  },
  request_timeout: {
    status: 408,
    title: "Request timeout",
    meaning: "The body did not arrive within the time that a request may take.",
    remedy: "Send the request again, all of it at once.",
  },
  conflict: {
    status: 409,
    title: "Conflict",
    meaning: "The request collides with what is there, such as another book with the same ISBN.",
    remedy: "Read the existing resource and update it instead.",
  },
  insufficient_stock: {
    status: 409,
    title: "Insufficient stock",
    meaning: "The stock of the book does not cover what should be taken from it; nothing was changed.",
    remedy: "Take no more than the member available says.",
  },
  idempotency_in_progress: {
    status: 409,
    title: "Idempotency key in progress",
    meaning: "The first request with this Idempotency-Key is still running.",
    remedy: "Send the request again, with the same key, after the seconds that Retry-After names.",
  },
  precondition_failed: {
    status: 412,
    title: "Precondition failed",
    meaning:
      "The resource is at another version than If-Match or If-None-Match demand, or If-Match has only weak tags; nothing was changed.",
    remedy:
      "Read the resource again, apply the change to what it holds now, and send its new ETag. A tag that begins with W/ never matches: a proxy has made it weak by compressing the answer. Send it without W/, or turn compression off in the proxy.",
  },
  payload_too_large: {
    status: 413,
    title: "Payload too large",
    meaning: "The body is larger than 1 MiB.",
    remedy: "Send less.",
  },
  unsupported_media_type: {
    status: 415,
    title: "Unsupported media type",
    meaning: "The body is not declared as plain JSON.",
    remedy:
      "Send Content-Type: application/json and no Content-Encoding; a PATCH may also be application/merge-patch+json.",
  },
  misdirected_request: {
    status: 421,
    title: "Misdirected request",
    meaning:
      "This server is open to everyone on its own machine, and answers to the names of that machine alone.",
    remedy: "Use http://127.0.0.1 or http://localhost, or start the server with authentication.",
  },
  validation_failed: {
    status: 422,
    title: "Validation failed",
    meaning: "One or more fields or parameters are wrong.",
    remedy:
      "The member details names them, each with a code and a sentence. It has 100 at most; details_omitted counts the rest.",
  },
  idempotency_mismatch: {
    status: 422,
    title: "Idempotency key mismatch",
    meaning: "The Idempotency-Key was used for another request within the last 24 hours.",
    remedy: "Take a new key for each new request, and send a request again byte for byte.",
  },
  rate_limited: {
    status: 429,
    title: "Rate limited",
    meaning: "There were more requests than the quota of this token, or without one of this address, allows.",
    remedy:
      "Try again after the seconds that Retry-After names. Where RateLimit is sent, it tells beforehand what is left.",
  },
  internal_error: {
    status: 500,
    title: "Internal error",
    meaning: "The server has a defect. It was logged with the request id.",
    remedy: "Report it with the request_id of the answer.",
  },
  database_unavailable: {
    status: 503,
    title: "Database unavailable",
    meaning: "The database cannot be reached or did not answer in time.",
    remedy:
      "Try again after the seconds that Retry-After names. After a write without an Idempotency-Key, read first what became of it.",
  },
  service_unavailable: {
    status: 503,
    title: "Service unavailable",
    meaning: "The service is not ready to answer.",
    remedy: "Try again after the seconds that Retry-After names.",
  },
} as const satisfies Record<string, { status: number; title: string; meaning: string; remedy: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** The codes of the faults in a `validation_failed` problem. */
export const FAULT_CODES = [
  "required",
  "invalid_type",
  "too_short",
  "too_long",
  "out_of_range",
  "invalid_format",
  "unknown_field",
  "invalid_isbn",
  "zero_price_with_stock",
] as const;

export type FaultCode = (typeof FAULT_CODES)[number];

/** One wrong field or parameter; `path` is dotted, and empty for the body as a whole and for an empty name. */
export interface Fault {
  in: "body" | "query" | "path" | "header";
  path: string;
  code: FaultCode;
  message: string;
}

/** How many faults a response lists, and how much of a name it repeats: it must not outgrow its request. */
export const MAX_DETAILS = 100;
const MAX_PATH = 100;

/** Collects the faults of a request: the first of them, and their count. */
export class Faults {
  readonly listed: Fault[] = [];
  count = 0;

  add(part: Fault["in"], path: string, code: FaultCode, message: string): void {
    this.count++;
    if (this.listed.length < MAX_DETAILS)
      this.listed.push({ in: part, path: shortened(path), code, message });
  }
}

/** Well formed, even if it is cut within a surrogate pair. */
function shortened(path: string): string {
  if (path.length <= MAX_PATH) return path.toWellFormed();
  return `${path.slice(0, MAX_PATH - 1).replace(/[\ud800-\udbff]$/, "")}…`.toWellFormed();
}

/** Extension members of single problems (RFC 9457, section 3.2). */
export interface Extension {
  /** The stock at that moment; `insufficient_stock` alone has it, and always. */
  available?: number;
  /** The existing resource of a `conflict`, and the value that both have. */
  id?: string;
  isbn?: string;
}

/** What violating a constraint of the database means to a client, by the constraint's name. */
export type ConstraintMeanings = Record<string, (fault: ConstraintFault) => Problem>;

/** Thrown wherever a request fails; the pipeline turns it into the response. */
export class Problem extends Error {
  override name = "Problem";
  readonly code: ProblemCode;
  readonly headers: Record<string, string>;
  readonly extension: Extension;
  readonly details: Fault[] | undefined;
  readonly omitted: number;

  /**
   * @param message one sentence for the client, without internals
   * @param extra headers to send, extension members, the faults of a `validation_failed` and how many it omits, and a
   *   cause for the log
   */
  constructor(
    code: ProblemCode,
    message: string,
    extra: {
      headers?: Record<string, string>;
      extension?: Extension;
      details?: Fault[];
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
 * A 422 that lists faults.
 *
 * @param count of all faults, including those that `details` has no room for
 */
export function validationFailed(details: Fault[], count = details.length): Problem {
  const [first] = details;
  const omitted = count - details.length;
  const named = omitted > 0 ? `the first ${details.length}` : "each";
  const message =
    count === 1 && first ? sentence(first) : `${count} fields are wrong; details names ${named} of them.`;
  return new Problem("validation_failed", message, { details, omitted });
}

/** A 422 for one member of the body. */
export function bodyFault(path: string, code: FaultCode, message: string): Problem {
  return validationFailed([{ in: "body", path, code, message }]);
}

function sentence({ in: part, path, code, message }: Fault): string {
  const nameless = part === "query" ? "A parameter" : code === "unknown_field" ? "A field" : "The body";
  return `${path || nameless} ${message}.`;
}
