import type { Database } from "../db/ports.ts";
import type { Exchange } from "./exchange.ts";

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
export class Observed implements Partial<RequestEvent> {
  route = "unknown";
  role: string | undefined;
  problem: string | undefined;
  error: LoggedError | undefined;
  db_ms = 0;
  db_round_trips = 0;
}

/** The event of a request that is answered now. */
export function eventOf(
  { arrival, requestId, observed }: Exchange,
  method: string,
  status: number,
): RequestEvent {
  return {
    level: status >= 500 ? "error" : status >= 400 || observed.error ? "warn" : "info",
    time: new Date().toISOString(),
    request_id: requestId,
    method,
    status,
    duration_ms: rounded(performance.now() - arrival),
    ...observed,
    db_ms: rounded(observed.db_ms),
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
