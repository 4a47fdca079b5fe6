import type { MiddlewareHandler } from "hono";
import type { Database } from "../db/database.ts";
import { firstHeaders } from "./headers.ts";

/** One wide event per request: what a log line holds. Neither bodies, tokens, query strings nor SQL parameters are in it. */
export interface RequestEvent {
  level: "info" | "warn" | "error";
  time: string;
  request_id: string;
  method: string;
  /** The pattern of the route, not the path. */
  route: string;
  status: number;
  duration_ms: number;
  db_ms: number;
  db_round_trips: number;
  role: string | undefined;
  /** The machine code of a refusal. */
  problem: string | undefined;
  /** What failed, whether or not the request did. */
  error: LoggedError | undefined;
}

export interface LoggedError {
  name: string;
  message: string;
  code?: unknown;
  stack?: string | undefined;
  cause?: LoggedError;
}

export type Log = (event: RequestEvent) => void;

/** What one request gathers for its event. */
export type Observed = Pick<
  RequestEvent,
  "route" | "role" | "problem" | "error" | "db_ms" | "db_round_trips"
>;

/** The form of an id that a client may give its request. */
export const REQUEST_ID_FORM = /^[\w\-=.]{1,128}$/;

/** The client's own id of a request where it has the right form, otherwise a new one. */
export function requestIdOf(headers: Headers): string {
  const given = headers.get("X-Request-Id");
  return given && REQUEST_ID_FORM.test(given) ? given : crypto.randomUUID();
}

/**
 * Gives every request its id and its deadline, and logs its event at the end.
 *
 * @param time milliseconds that a request has
 */
export function observe(log: Log, time: number): MiddlewareHandler {
  return async (c, next) => {
    const started = performance.now();
    c.set("deadline", started + time);
    const requestId = requestIdOf(c.req.raw.headers);
    const observed: Observed = {
      route: "unknown",
      role: undefined,
      problem: undefined,
      error: undefined,
      db_ms: 0,
      db_round_trips: 0,
    };
    c.set("requestId", requestId);
    c.set("observed", observed);
    c.set("headers", firstHeaders(requestId));
    await next();
    log({
      level: c.res.status >= 500 ? "error" : c.res.status >= 400 || observed.error ? "warn" : "info",
      time: new Date().toISOString(),
      request_id: requestId,
      method: c.req.method,
      status: c.res.status,
      duration_ms: rounded(performance.now() - started),
      ...observed,
      db_ms: rounded(observed.db_ms),
    });
  };
}

/** Counts the round trips of a request, and the time they take. */
export function observeDatabase(database: Database, observed: Observed): Database {
  const timed = async <T>(call: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    observed.db_round_trips++;
    try {
      return await call();
    } finally {
      observed.db_ms += performance.now() - started;
    }
  };
  return {
    find: (lookup, key) => timed(() => database.find(lookup, key)),
    read: (query) => timed(() => database.read(query)),
    write: (query) => timed(() => database.write(query)),
    batch: (transaction, queries) => timed(() => database.batch(transaction, queries)),
  };
}

/** An error as the log keeps it. Drivers keep statements and their parameters out of message and stack. */
export function loggedError(error: unknown): LoggedError {
  if (!(error instanceof Error)) return { name: "unknown", message: typeof error };
  const { name, message, stack, cause } = error;
  return {
    name,
    message,
    ...("code" in error && { code: error.code }),
    stack,
    ...(cause !== undefined && { cause: loggedError(cause) }),
  };
}

const rounded = (milliseconds: number) => Math.round(milliseconds * 100) / 100;
