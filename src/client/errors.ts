import type { Fault, ProblemBody, ProblemCode } from "./types.ts";

/** Every error of the client, but for a caller's own abort, which is thrown with the reason that the caller gave. */
export class OctavoError extends Error {
  override name = "OctavoError";
  /** How often the request was sent. */
  attempts = 1;
}

/** The API refused the request, and said why. `message` is a sentence for people. */
export class ProblemError extends OctavoError {
  override name = "ProblemError";
  readonly status: number;
  /** What went wrong, for programs. */
  readonly error: ProblemCode;
  readonly title: string;
  /** The wrong fields and parameters of a `validation_failed`, 100 at most; empty otherwise. */
  readonly details: readonly Fault[];
  /** How many more there are. */
  readonly detailsOmitted: number;
  /** The stock there is; with `insufficient_stock` alone. */
  readonly available: number | undefined;
  /** The resource in the way; with `conflict` alone. */
  readonly id: string | undefined;
  /** The ISBN that it has; with `conflict` alone. */
  readonly isbn: string | undefined;
  /** What to name in a question to whoever runs the server. */
  readonly requestId: string;
  /** Seconds to wait before the request is sent again, where the server said so. */
  readonly retryAfter: number | undefined;

  constructor(problem: ProblemBody, retryAfter?: number) {
    super(problem.message);
    this.status = problem.status;
    this.error = problem.error;
    this.title = problem.title;
    this.details = problem.details ?? [];
    this.detailsOmitted = problem.details_omitted ?? 0;
    this.available = problem.available;
    this.id = problem.id;
    this.isbn = problem.isbn;
    this.requestId = problem.request_id;
    this.retryAfter = retryAfter;
  }
}

/** Something other than the API answered: a proxy with a page of its own, say, or a wrong address. */
export class ResponseError extends OctavoError {
  override name = "ResponseError";
  readonly status: number;
  readonly retryAfter: number | undefined;

  constructor(message: string, status: number, retryAfter?: number) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** No whole answer came. What became of a write is unknown. */
export class ConnectionError extends OctavoError {
  override name = "ConnectionError";
}

/** No whole answer came in time. */
export class TimeoutError extends ConnectionError {
  override name = "TimeoutError";
}
