import type { ProblemBody, ProblemCode, ShortLine, ValidationError } from "./problem-types.ts";

/** The base class of the client's errors. If a caller aborts a call, it rejects with the caller's reason instead. */
export class OctavoError extends Error {
  override name = "OctavoError";
  /** The number of times that the request was sent. */
  attempts = 1;
}

/** The API rejected the request. `message` is a sentence for people. */
export class ProblemError extends OctavoError {
  override name = "ProblemError";
  readonly status: number;
  /** The stable error code. */
  readonly error: ProblemCode;
  readonly title: string;
  /** The invalid fields and parameters of a `validation_failed`, at most 100; empty otherwise. */
  readonly details: readonly ValidationError[];
  /** The number of errors that `details` omits. */
  readonly detailsOmitted: number;
  /** The current stock. Only with `insufficient_stock` of one book. */
  readonly available: number | undefined;
  /** The lines that the stock does not cover, with an `insufficient_stock` of several books; empty otherwise. */
  readonly lines: readonly ShortLine[];
  /** The id of the existing resource. Only with `conflict`. */
  readonly id: string | undefined;
  /** The ISBN of the existing resource. Only with `conflict`. */
  readonly isbn: string | undefined;
  /** The id to quote in a report to the operator of the server. */
  readonly requestId: string;
  /** Seconds to wait before a retry, if the server sent Retry-After. */
  readonly retryAfter: number | undefined;

  constructor(problem: ProblemBody, retryAfter?: number) {
    super(problem.message);
    this.status = problem.status;
    this.error = problem.error;
    this.title = problem.title;
    this.details = problem.details ?? [];
    this.detailsOmitted = problem.details_omitted ?? 0;
    this.available = problem.available;
    this.lines = problem.lines ?? [];
    this.id = problem.id;
    this.isbn = problem.isbn;
    this.requestId = problem.request_id;
    this.retryAfter = retryAfter;
  }
}

/** The response is not from the API, but from a proxy or another server, for example. */
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

/** No complete response arrived. The outcome of a write is unknown. */
export class ConnectionError extends OctavoError {
  override name = "ConnectionError";
}

/**
 * The browser kept the request from the server, or the response from the page, because the server does not permit the
 * origin of the page. A write had no effect. It is not retried.
 */
export class CorsError extends ConnectionError {
  override name = "CorsError";
}

/** No complete response arrived in time. The outcome of a write is unknown. */
export class TimeoutError extends ConnectionError {
  override name = "TimeoutError";
}
