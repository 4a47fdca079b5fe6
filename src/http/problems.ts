/** Every error of the API, by its machine code (RFC 9457). `GET /problems/{code}` gives `meaning` and `remedy`. */
export const PROBLEMS = {
  invalid_json: {
    status: 400,
    title: "Invalid JSON",
    meaning: "The body is incomplete, or is not valid JSON in UTF-8.",
    remedy: "Send the complete body. A JSON body is one document in UTF-8.",
  },
  invalid_cursor: {
    status: 400,
    title: "Invalid cursor",
    meaning: "The cursor was altered, or it belongs to a listing with other filters or another sort order.",
    remedy:
      "Send next_cursor or prev_cursor unchanged, with the same filters and sort order, or follow the Link header.",
  },
  invalid_header: {
    status: 400,
    title: "Invalid header",
    meaning: "A header that the request depends on is malformed.",
    remedy:
      'The message names the header. Put entity tags in double quotes and separate them with commas: If-Match: "a", "b". An Idempotency-Key has 1 to 255 visible ASCII characters.',
  },
  unauthorized: {
    status: 401,
    title: "Unauthorized",
    meaning: "The request needs a token, but the token is missing or invalid.",
    remedy: "Send a valid token: Authorization: Bearer <token>. The message says which check failed.",
  },
  forbidden: {
    status: 403,
    title: "Forbidden",
    meaning: "The token is valid, but its roles do not allow this request.",
    remedy:
      "Obtain a token with the role that the reference lists for this route. If the token has no role at all, the message says where the server looked for it.",
  },
  not_found: {
    status: 404,
    title: "Not found",
    meaning: "The route does not exist, or no resource has this id or ISBN.",
    remedy: "Check the path. Ids are UUIDs, and paths have no trailing slash.",
  },
  method_not_allowed: {
    status: 405,
    title: "Method not allowed",
    meaning: "The path exists, but does not support this method.",
    remedy: "Use one of the methods in the Allow header.",
  },
  request_timeout: {
    status: 408,
    title: "Request timeout",
    meaning: "The body did not arrive before the request's deadline.",
    remedy: "Send the request again, without pausing.",
  },
  conflict: {
    status: 409,
    title: "Conflict",
    meaning: "The request conflicts with an existing resource, such as another book with the same ISBN.",
    remedy: "Update the existing resource instead. The members id and isbn, if present, identify it.",
  },
  insufficient_stock: {
    status: 409,
    title: "Insufficient stock",
    meaning: "The stock of a book does not cover the requested quantity. Nothing was changed.",
    remedy:
      "Take no more than the quantity in the member available. If the request has several lines, the member lines names each that falls short, and its available quantity.",
  },
  idempotency_in_progress: {
    status: 409,
    title: "Idempotency key in progress",
    meaning: "The first request with this Idempotency-Key is still running.",
    remedy: "Retry with the same key after the number of seconds in Retry-After.",
  },
  cursor_expired: {
    status: 410,
    title: "Cursor expired",
    meaning:
      "The cursor cannot be continued: deletions that it has not seen were removed after 30 days, or it belongs to another database, or to this one before a restore.",
    remedy: "Start the copy anew: ask without a cursor, and drop the books that the new copy does not have.",
  },
  precondition_failed: {
    status: 412,
    title: "Precondition failed",
    meaning:
      "The version of the resource does not satisfy If-Match or If-None-Match, or If-Match contains only weak tags. Nothing was changed.",
    remedy:
      "Read the resource again, reapply your change, and send the new ETag. A tag that begins with W/ never matches: a proxy weakened it by compressing the response. Send it without W/, or disable compression in the proxy.",
  },
  payload_too_large: {
    status: 413,
    title: "Payload too large",
    meaning: "The body exceeds the limit of the route.",
    remedy: "Send a body within the limit that the message states.",
  },
  unsupported_media_type: {
    status: 415,
    title: "Unsupported media type",
    meaning:
      "The route does not accept the Content-Type or Content-Encoding of the body, or cannot decode the body.",
    remedy:
      "Send the body as the message says. JSON routes accept application/json without Content-Encoding; PATCH also accepts application/merge-patch+json.",
  },
  misdirected_request: {
    status: 421,
    title: "Misdirected request",
    meaning: "This development server accepts writes without a token, so it answers only to loopback names.",
    remedy: "Use http://127.0.0.1 or http://localhost, or start the server with authentication.",
  },
  validation_failed: {
    status: 422,
    title: "Validation failed",
    meaning: "One or more fields or parameters are invalid.",
    remedy:
      "The member details lists each error with a code and a message. It lists at most 100 errors; details_omitted counts the rest.",
  },
  idempotency_mismatch: {
    status: 422,
    title: "Idempotency key mismatch",
    meaning: "The Idempotency-Key was used for another request within the last 24 hours.",
    remedy: "Use a new key for each new request. Retry a request with exactly the same bytes.",
  },
  rate_limited: {
    status: 429,
    title: "Rate limited",
    meaning: "The request exceeds the quota of the token, or of the client's address if it has no token.",
    remedy:
      "Retry after the number of seconds in Retry-After. The header RateLimit, if present, shows the remaining quota.",
  },
  internal_error: {
    status: 500,
    title: "Internal error",
    meaning: "The server has a defect. It logged the error with the request id.",
    remedy: "Report the error with the request_id of the response.",
  },
  database_unavailable: {
    status: 503,
    title: "Database unavailable",
    meaning: "The database is unreachable or did not respond in time.",
    remedy:
      "Retry after the number of seconds in Retry-After. If a write had no Idempotency-Key, first check whether it took effect.",
  },
  service_unavailable: {
    status: 503,
    title: "Service unavailable",
    meaning: "The service is not ready.",
    remedy: "Retry after the number of seconds in Retry-After.",
  },
} as const satisfies Record<string, { status: number; title: string; meaning: string; remedy: string }>;

export type ProblemCode = keyof typeof PROBLEMS;
