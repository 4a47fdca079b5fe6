import type { Hono } from "hono";
import type { Principal } from "./auth/authenticate.ts";
import type { Session } from "./auth/session.ts";
import { type Clock, RequestBody } from "./body.ts";
import { firstHeaders } from "./headers.ts";
import { type Log, levelOf, Observed, rounded } from "./observe.ts";

/** The pattern of a request id that a client may choose. */
export const REQUEST_ID_FORM = /^[\w\-=.]{1,128}$/;

/** The client's own request id if it matches the pattern, else a new one. */
export function requestIdOf(headers: Headers): string {
  const given = headers.get("X-Request-Id");
  return given && REQUEST_ID_FORM.test(given) ? given : crypto.randomUUID();
}

/** What a runtime knows about the connection of a request. */
export interface Connection {
  /** The client's address; undefined if the runtime does not know it. */
  address: string | undefined;
  /** The client's Accept-Encoding, if the runtime replaces the header. */
  acceptEncoding?: string | undefined;
  /** Keeps a Worker running until the work is done, even when its client has gone. */
  waitUntil?: (work: Promise<unknown>) => void;
}

export type App = Hono<{ Bindings: Connection }>;

/** One request and its response, until the last byte has left or the client has gone. */
export class Exchange implements Clock {
  readonly request: Request;
  readonly connection: Connection;
  readonly body: RequestBody;
  readonly requestId: string;
  /** The initial headers of any response; see `firstHeaders`. */
  readonly headers: Record<string, string>;
  readonly observed = new Observed();
  /** Who sent the request, on a route with a role. */
  principal: Principal | undefined;
  /** The session that the request belongs to, on a page for whoever has signed in. */
  session: Session | undefined;
  /** Milliseconds for the request, or between two chunks of a stream. */
  readonly #timeout: number;
  readonly #arrival = performance.now();
  #deadline: number;
  #controller: AbortController | undefined;
  #isOver = false;
  readonly #log: Log;

  constructor(request: Request, connection: Connection, timeout: number, log: Log) {
    this.request = request;
    this.connection = connection;
    this.#timeout = timeout;
    this.#deadline = this.#arrival + timeout;
    this.#log = log;
    this.body = new RequestBody(request, this);
    this.requestId = requestIdOf(request.headers);
    this.headers = firstHeaders(this.requestId);
  }

  /** Milliseconds until the deadline, or a fraction of them. */
  timeLeft(fraction = 1): number {
    return Math.max(0, Math.floor((this.#deadline - performance.now()) * fraction));
  }

  restart(): void {
    this.#deadline = performance.now() + this.#timeout;
  }

  /** Aborts when the exchange ends, to cancel work for it. Created on demand, because most requests need none. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      const controller = new AbortController();
      const { signal } = this.request;
      if (this.#isOver || signal.aborted) controller.abort();
      else signal.addEventListener("abort", () => controller.abort(), { once: true });
      this.#controller = controller;
    }
    return this.#controller.signal;
  }

  /** Logs the event of the request, and aborts {@link signal}. */
  end(status: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#log({
      level: levelOf(status, this.observed),
      time: new Date().toISOString(),
      request_id: this.requestId,
      method: this.request.method,
      status,
      duration_ms: rounded(performance.now() - this.#arrival),
      ...this.observed,
      db_ms: rounded(this.observed.db_ms),
    });
    this.#controller?.abort();
  }
}
