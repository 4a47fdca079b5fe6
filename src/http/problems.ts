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
