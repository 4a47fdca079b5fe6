/** Traces: a span for each request, and below it the waiting for the database and the database. */
import type { TraceHeaders, Trip } from "../db/trips.ts";
import type { Connection } from "./connection.ts";
import type { RequestEvent } from "./observe.ts";
import { parseTraceParent, type TraceContext, traceParent } from "./trace-context.ts";

/** Where spans go. It must not throw, and nothing waits for it. */
export interface Tracing {
  /** The share of the traces beginning here that are recorded. Others are recorded if their caller does so. */
  ratio: number;
  export(spans: readonly Span[], connection: Connection): void;
}

export interface Span {
  traceId: string;
  spanId: string;
  parentId: string | undefined;
  /** What vendors of traces pass on with the request. */
  state: string | undefined;
  name: string;
  kind: "internal" | "server" | "client";
  /** In milliseconds since the epoch. */
  start: number;
  end: number;
  attributes: Record<string, string | number>;
  hasFailed: boolean;
}

/** A stream may make any number of round trips. */
const MAX_TRIPS = 128;
/** What everybody passes on (https://www.w3.org/TR/trace-context/#tracestate-limits). */
const MAX_STATE = 512;
const TRACE_DIGITS = 32;
const SPAN_DIGITS = 16;

const DATABASE = { "db.system.name": "postgresql" };
const NONE = {};

/** Ids must be unique, and not secret; OpenTelemetry's are as random as these. */
function randomHex(digits: number): string {
  let id = "";
  while (id.length < digits)
    id += Math.floor(Math.random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0");
  return id;
}

/** The trace of one request: that of its caller, or a new one. */
export class Trace {
  /** The span of the request where traces are recorded, otherwise that of its caller. */
  readonly context: TraceContext;
  readonly #parent: TraceContext | undefined;
  readonly #state: string | undefined;
  readonly #trips: Trip[] = [];

  private constructor(context: TraceContext, parent: TraceContext | undefined, state: string | undefined) {
    this.context = context;
    this.#parent = parent;
    this.#state = state;
  }

  /** @returns undefined if nothing is recorded, and the caller has no trace */
  static of(headers: Headers, tracing: Tracing | undefined): Trace | undefined {
    const parent = parseTraceParent(headers.get("traceparent"));
    const state = parent && stateIn(headers);
    if (!tracing) return parent && new Trace(parent, undefined, state);
    const traceId = parent?.traceId ?? randomHex(TRACE_DIGITS);
    const isSampled = parent?.isSampled ?? isWithin(tracing.ratio, traceId);
    return new Trace({ traceId, spanId: randomHex(SPAN_DIGITS), isSampled }, parent, state);
  }

  /** What requests to other services carry. */
  get headers(): TraceHeaders {
    return { traceparent: traceParent(this.context), ...(this.#state && { tracestate: this.#state }) };
  }

  add(trip: Trip): void {
    if (this.context.isSampled && this.#trips.length < MAX_TRIPS) this.#trips.push(trip);
  }

  /** @param start the arrival of the request, in the time of `performance.now()` */
  spans(event: RequestEvent, start: number): Span[] {
    const request = this.#span(`${event.method} ${event.route}`, "server", start, start + event.duration_ms);
    request.spanId = this.context.spanId;
    request.parentId = this.#parent?.spanId;
    request.attributes = attributesOf(event);
    request.hasFailed = event.level === "error";
    const spans = [request];
    for (const trip of this.#trips) this.#addTrip(trip, spans);
    return spans;
  }

  #addTrip({ started, sent, ended = started, lane, hasFailed }: Trip, spans: Span[]): void {
    if (lane || sent === undefined) {
      const wait = this.#span("wait", "internal", started, sent ?? ended);
      if (lane) wait.attributes = { "octavo.lane": lane };
      wait.hasFailed = hasFailed && sent === undefined;
      spans.push(wait);
    }
    if (sent === undefined) return;
    const database = this.#span("database", "client", sent, ended);
    database.attributes = DATABASE;
    database.hasFailed = hasFailed;
    spans.push(database);
  }

  #span(name: string, kind: Span["kind"], from: number, to: number): Span {
    return {
      traceId: this.context.traceId,
      spanId: randomHex(SPAN_DIGITS),
      parentId: this.context.spanId,
      state: this.#state,
      name,
      kind,
      start: performance.timeOrigin + from,
      end: performance.timeOrigin + to,
      attributes: NONE,
      hasFailed: false,
    };
  }
}

/** A longer one is dropped, because half of an entry means nothing. */
function stateIn(headers: Headers): string | undefined {
  const state = headers.get("tracestate");
  return state && state.length <= MAX_STATE ? state : undefined;
}

/** Every service that samples by the id of a trace decides alike. */
function isWithin(ratio: number, traceId: string): boolean {
  const digits = 8;
  return Number.parseInt(traceId.slice(-digits), 16) < ratio * 16 ** digits;
}

/** By the conventions of OpenTelemetry (https://opentelemetry.io/docs/specs/semconv/http/http-spans/). */
function attributesOf(event: RequestEvent): Span["attributes"] {
  return {
    "http.request.method": event.method,
    "http.route": event.route,
    "http.response.status_code": event.status,
    "http.request.body.size": event.bytes_in,
    "http.response.body.size": event.bytes_out,
    "octavo.request_id": event.request_id,
    ...(event.client && { "client.address": event.client }),
    ...(event.problem && { "error.type": event.problem }),
  };
}
