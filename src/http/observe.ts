import type { Database } from "../db/ports.ts";
import { PROBLEMS, type ProblemCode } from "./problems.ts";

/** The log event of one request. It holds no bodies, tokens, query strings or SQL parameters. */
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
  /** The code of the problem: of the response, or of what ended its stream. */
  problem: ProblemCode | undefined;
  /** Why the token was rejected, or is not enough. */
  refusal: string | undefined;
  /** The client went away, or stopped reading, before the last byte of a stream. */
  client_gone: true | undefined;
  /** What failed, even if the request succeeded. */
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

/** What a request collects for its event. */
export class Observed implements Partial<RequestEvent> {
  route = "unknown";
  role: string | undefined;
  problem: ProblemCode | undefined;
  refusal: string | undefined;
  client_gone: true | undefined;
  error: LoggedError | undefined;
  db_ms = 0;
  db_round_trips = 0;
}

/** The level of an event. A stream that fails has sent a status of success before. */
export function levelOf(status: number, { problem, error }: Observed): RequestEvent["level"] {
  const worst = problem ? PROBLEMS[problem].status : status;
  return worst >= 500 ? "error" : worst >= 400 || error ? "warn" : "info";
}

/** Counts the round trips of a request, and measures the time that they take. */
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

/** An error for the log. Drivers keep statements and parameters out of message and stack. */
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

export const rounded = (milliseconds: number) => Math.round(milliseconds * 100) / 100;
