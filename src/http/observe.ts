import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { onceFor } from "../db/statements.ts";
import type { Trip } from "../db/trips.ts";
import type { Principal } from "./auth/authenticate.ts";
import { PROBLEMS, type ProblemCode } from "./problems.ts";

export const LEVELS = ["debug", "info", "warn", "error"] as const;
export type Level = (typeof LEVELS)[number];

/** The log event of one request. It holds no bodies, tokens, query strings or SQL parameters. */
export interface RequestEvent {
  event: "request";
  level: Level;
  time: string;
  request_id: string;
  method: string;
  /** The pattern of the route, not the path. */
  route: string;
  /** The id or the ISBN in the path, if it is valid. */
  resource: string | undefined;
  status: number;
  duration_ms: number;
  /** The time between sending the statements and their results. */
  db_ms: number;
  /** The time before, in which statements wait for connections or for others to leave with. */
  db_wait_ms: number;
  db_round_trips: number;
  /** Those of them that a replica did not answer, and for which the primary was asked as well. */
  db_retries: number | undefined;
  bytes_in: number;
  /** Before the compression. */
  bytes_out: number;
  /** Whether the cache of the location had the reply; undefined if it was not asked. */
  edge_cache: "hit" | "miss" | undefined;
  /** The network that the request counts for if no token does; see `networkOf`. */
  client: string | undefined;
  role: string | undefined;
  /** The subject of a verified token, hashed unless configured otherwise. */
  subject: string | undefined;
  /** The code of the problem: of the response, or of what ended its stream. */
  problem: ProblemCode | undefined;
  /** Why the token was rejected, or is not enough. */
  refusal: string | undefined;
  /** The client went away, or stopped reading, before the last byte of a stream. */
  client_gone: true | undefined;
  /** What failed, even if the request succeeded. */
  error: LoggedError | undefined;
  /** The rows of an import that are committed, and those that were refused. */
  import_rows: ImportRows | undefined;
  /** The age of the moment to which the feed is complete, when it was read. */
  feed_lag_ms: number | undefined;
  trace_id: string | undefined;
  /** The span of the request where it is traced, otherwise that of its caller. */
  span_id: string | undefined;
}

export interface ImportRows {
  created: number;
  updated: number;
  unchanged: number;
  deleted: number;
  refused: number;
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
export class Observed {
  route = "unknown";
  resource: string | undefined;
  db_ms = 0;
  db_wait_ms = 0;
  db_round_trips = 0;
  db_retries: number | undefined;
  bytes_out = 0;
  edge_cache: "hit" | "miss" | undefined;
  role: string | undefined;
  problem: ProblemCode | undefined;
  refusal: string | undefined;
  client_gone: true | undefined;
  error: LoggedError | undefined;
  import_rows: ImportRows | undefined;
  feed_lag_ms: number | undefined;

  /** Adds a round trip that has ended. */
  addTrip({ started, sent, ended = performance.now(), isRetried }: Trip): void {
    this.db_round_trips++;
    if (isRetried) this.db_retries = (this.db_retries ?? 0) + 1;
    this.db_wait_ms += (sent ?? ended) - started;
    this.db_ms += ended - (sent ?? ended);
  }
}

/** The level of an event. A stream that fails has sent a status of success before. */
export function levelOf(status: number, { problem, error }: Observed, isProbe: boolean): Level {
  const worst = problem ? PROBLEMS[problem].status : status;
  if (worst >= 500) return "error";
  if (worst >= 400 || error) return "warn";
  return isProbe ? "debug" : "info";
}

/** The beginning of a digest. A token is sent many times, and its principal is kept. */
const digestOf = onceFor(({ subject }: Principal) => bytesToHex(sha256(utf8ToBytes(subject))).slice(0, 16));

/** The subject for the log. */
export function subjectOf(principal: Principal | undefined, isPlain: boolean): string | undefined {
  if (!principal?.verified) return undefined;
  return isPlain ? principal.subject : digestOf(principal);
}

/** The id or the ISBN among the parameters of a path. The path of a page has both of a book in one. */
export function resourceIn(params: unknown): string | undefined {
  const { id, isbn, book } = (params ?? {}) as Record<string, unknown>;
  if (book) return resourceIn(book);
  const resource = id ?? isbn;
  return typeof resource === "string" ? resource : undefined;
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
