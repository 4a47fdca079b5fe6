import type { Connect, Database } from "../db/ports.ts";
import type { Reader } from "../db/position.ts";
import { lookupOf } from "./admission.ts";
import type { Principal } from "./auth/authenticate.ts";
import type { LookupOptions } from "./auth/keys.ts";
import type { Session } from "./auth/session.ts";
import type { Exchange } from "./exchange.ts";
import { acceptsGzip, preferredType, wantsPage } from "./negotiation.ts";
import { loggedError, type Observed } from "./observe.ts";
import type { PageWriter } from "./paging.ts";
import type { Input, Reply, Route } from "./route.ts";

/** Handles the requests to a route. It gets only valid input, and can return only declared statuses. */
export type Handler<R extends Route> = (input: Input<R>, context: HandlerContext) => Promise<Reply<R>>;

/** The part of the remaining time that a database call may take; the rest is for the response. */
const DATABASE_FRACTION = 0.9;

/** What a handler works with, beside its input. */
export class HandlerContext {
  readonly pages: PageWriter;
  readonly #exchange: Exchange;
  readonly #connect: Connect;
  readonly #reader: Reader | undefined;

  /** @param reader lets reads go to replicas */
  constructor(exchange: Exchange, pages: PageWriter, connect: Connect, reader: Reader | undefined) {
    this.pages = pages;
    this.#exchange = exchange;
    this.#connect = connect;
    this.#reader = reader;
  }

  /** The database. The time limit of its calls is computed at each access, so a stream asks for it at each page. */
  get database(): Database {
    return this.databaseWithin(Number.POSITIVE_INFINITY);
  }

  /** The database, with so many milliseconds for each call, if the request has as many. */
  databaseWithin(limit: number): Database {
    const exchange = this.#exchange;
    return this.#connect(Math.min(limit, exchange.timeLeft(DATABASE_FRACTION)), {
      onTrip: (trip) => exchange.addTrip(trip),
      onChange: (ids) => {
        for (const id of ids) exchange.changed.add(id);
      },
      traceHeaders: exchange.trace?.headers,
      waiter: exchange,
      reader: this.#reader,
    });
  }

  /** Who sent the request, as the stock ledger names them. Only on a route with a role. */
  get actor(): string {
    return this.principal.actor;
  }

  /** Who sent the request. Only on a route with a role. */
  get principal(): Principal {
    const { principal } = this.#exchange;
    if (!principal) throw new Error("A public route has no principal.");
    return principal;
  }

  /** The session of whoever has signed in. Only on a page with a role. */
  get session(): Session {
    const { session } = this.#exchange;
    if (!session) throw new Error("A public page has no session.");
    return session;
  }

  get headers(): Headers {
    return this.#exchange.request.headers;
  }

  /** How to wait for an identity provider's keys. */
  get lookup(): LookupOptions {
    return lookupOf(this.#exchange);
  }

  /** The media type of these that the client prefers; undefined if it accepts none of them. */
  preferred(types: readonly string[]): string | undefined {
    return preferredType(this.#exchange.request.headers.get("Accept"), types);
  }

  /** The media type of the body, in lower case and without parameters. */
  get mediaType(): string {
    const [type = ""] = (this.#exchange.request.headers.get("Content-Type") ?? "").split(";");
    return type.trim().toLowerCase();
  }

  /** Gives what follows the time that a request has. For streams. */
  restartDeadline(): void {
    this.#exchange.restart();
  }

  /** Whether the client prefers JSON to a page. */
  get prefersJson(): boolean {
    return !wantsPage(this.#exchange.request);
  }

  /** Whether to compress: the client accepts gzip, and the runtime does not compress by itself. */
  get acceptsGzip(): boolean {
    const { connection, request } = this.#exchange;
    return acceptsGzip(connection.acceptEncoding ?? request.headers.get("Accept-Encoding"));
  }

  /** Aborts when the last byte has left, or the client has gone. */
  get signal(): AbortSignal {
    return this.#exchange.signal;
  }

  /** Adds what only the handler knows to the event of the request. */
  note(facts: Partial<Pick<Observed, "import_rows" | "feed_lag_ms">>): void {
    Object.assign(this.#exchange.observed, facts);
  }

  /** Logs what is wrong although the request succeeds. */
  readonly warn = (fault: unknown): void => {
    this.#exchange.observed.error = loggedError(fault);
  };
}
