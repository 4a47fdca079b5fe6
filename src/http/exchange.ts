import type { HonoBase } from "hono/hono-base";
import { furthest, type Position } from "../db/position.ts";
import type { Trip, Waiter } from "../db/trips.ts";
import { networkOf } from "./address.ts";
import type { Principal } from "./auth/authenticate.ts";
import type { Session } from "./auth/session.ts";
import { type Clock, RequestBody } from "./body.ts";
import type { Connection } from "./connection.ts";
import { firstHeaders } from "./headers.ts";
import { type Log, levelOf, Observed, type RequestEvent, rounded, subjectOf } from "./observe.ts";
import { Trace, type Tracing } from "./tracing.ts";

/** The pattern of a request id that a client may choose. */
export const REQUEST_ID_FORM = /^[\w\-=.]{1,128}$/;

/** The client's own request id if it matches the pattern, else a new one. */
export function requestIdOf(headers: Headers): string {
  const given = headers.get("X-Request-Id");
  return given && REQUEST_ID_FORM.test(given) ? given : crypto.randomUUID();
}

export interface ExchangeOptions {
  /** Milliseconds for the request, or between two chunks of a stream. */
  timeout: number;
  log: Log;
  /** Undefined if no traces are recorded. */
  tracing: Tracing | undefined;
  /** Whether the log names subjects as tokens do. */
  plainSubjects: boolean;
  /** Whether the request only asks how the service is. */
  isProbe: boolean;
}

/** The status in the log where the client did not wait for one, as in that of nginx. */
const CLIENT_GONE = 499;

export type App = HonoBase<{ Bindings: Connection }>;

/** One request and its response, until the last byte has left or the client has gone. */
export class Exchange implements Clock, Waiter {
  readonly request: Request;
  readonly connection: Connection;
  readonly body: RequestBody;
  readonly requestId: string;
  /** The initial headers of any response; see `firstHeaders`. */
  readonly headers: Record<string, string>;
  readonly observed = new Observed();
  /** Undefined if it is not recorded, and the client has none. */
  readonly trace: Trace | undefined;
  /** The ids of what the request has changed. */
  readonly changed = new Set<string>();
  /** Who sent the request, on a route with a role. */
  principal: Principal | undefined;
  /** The session that the request belongs to, on a page for whoever has signed in. */
  session: Session | undefined;
  /** What a page of ours has sent, so that it can be sent again. */
  form: FormData | undefined;
  /** The position in the database's log after the last write, where there are replicas. */
  position: Position | undefined;
  readonly #options: ExchangeOptions;
  readonly #arrival = performance.now();
  #deadline: number;
  #controller: AbortController | undefined;
  /** Aborts {@link signal}, if somebody has asked for it. */
  #abort: (() => void) | undefined;
  #isOver = false;

  constructor(request: Request, connection: Connection, options: ExchangeOptions) {
    this.request = request;
    this.connection = connection;
    this.#options = options;
    this.#deadline = this.#arrival + options.timeout;
    this.body = new RequestBody(request, this);
    this.trace = Trace.of(request.headers, options.tracing);
    this.requestId = requestIdOf(request.headers);
    this.headers = firstHeaders(this.requestId);
  }

  /** Milliseconds until the deadline, or a fraction of them. */
  timeLeft(fraction = 1): number {
    return Math.max(0, Math.floor((this.#deadline - performance.now()) * fraction));
  }

  restart(): void {
    this.#deadline = performance.now() + this.#options.timeout;
  }

  get hasGone(): boolean {
    return this.#isOver || this.request.signal.aborted;
  }

  /** Aborts when the exchange ends, to cancel work for it. Created on demand, because most requests need none. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      const controller = new AbortController();
      this.#controller = controller;
      this.#abort = () => controller.abort();
      if (this.hasGone) this.#abort();
      else this.request.signal.addEventListener("abort", this.#abort);
    }
    return this.#controller.signal;
  }

  /** Adds a round trip that has ended. */
  addTrip(trip: Trip): void {
    this.observed.addTrip(trip);
    this.trace?.add(trip);
    if (trip.position) this.position = furthest(this.position, trip.position);
  }

  /** The client had gone, so its work was cancelled. That is no error: the log has the status 499. */
  #withdraw(): number {
    Object.assign(this.observed, { client_gone: true, problem: undefined, error: undefined });
    return CLIENT_GONE;
  }

  /** Logs the event of the request, records its trace, and aborts {@link signal}. */
  end(status: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (status === 503 && this.request.signal.aborted) status = this.#withdraw();
    const { body, connection, observed, principal, request, requestId, trace } = this;
    const { log, isProbe, plainSubjects, tracing } = this.#options;
    const event: RequestEvent = {
      event: "request",
      level: levelOf(status, observed, isProbe),
      time: new Date().toISOString(),
      request_id: requestId,
      method: request.method,
      status,
      duration_ms: rounded(performance.now() - this.#arrival),
      ...observed,
      db_ms: rounded(observed.db_ms),
      db_wait_ms: rounded(observed.db_wait_ms),
      bytes_in: body.received,
      client: networkOf(connection.address ?? ""),
      subject: subjectOf(principal, plainSubjects),
      trace_id: trace?.context.traceId,
      span_id: trace?.context.spanId,
    };
    log(event);
    if (tracing && trace?.context.isSampled) tracing.export(trace.spans(event, this.#arrival), connection);
    if (!this.#abort) return;
    // Node keeps a request whose signal has a listener for ever.
    request.signal.removeEventListener("abort", this.#abort);
    this.#abort();
  }
}
