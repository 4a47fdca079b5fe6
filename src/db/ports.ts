/** What the stores ask of a database, and what a database asks of a driver. */
import type { SQL } from "drizzle-orm";
import type { Reader } from "./position.ts";
import type { Lookup, Query, Statement } from "./statements.ts";
import type { Gone, Guard, OnTrip, TraceHeaders, Waiter } from "./trips.ts";

/** One row, keyed by column. Values are what every driver gives alike: text, int4 as number, bool as boolean. */
export type Row = Record<string, unknown>;

/**
 * The transaction that a batch runs in. A `snapshot` is read-only, and all its statements see the same moment. In a
 * `write` each statement sees what was committed before it began, including the statements before it.
 */
export type Transaction = "snapshot" | "write";

/**
 * The database as the stores see it. A call is one round trip, whatever it holds; deadlines and the differences between
 * drivers stay behind it. All methods reject with the faults of `faults.ts`.
 */
export interface Database {
  /** Finds the row under a key. */
  find<T extends Row>(lookup: Lookup, key: string): Promise<T | undefined>;
  /** Runs one statement that only reads. Callers that run an equal statement at the same time may share it. */
  read<T extends Row>(query: Query | SQL): Promise<T[]>;
  /** Runs one statement that writes. */
  write<T extends Row>(query: Query | SQL): Promise<T[]>;
  /** Runs statements as one transaction: all of them, or none. */
  batch(transaction: Transaction, queries: (Query | SQL)[]): Promise<Row[][]>;
  /**
   * Tells that a write changes rows, so that copies of them are outdated. Stores tell it before the write if they know the ids,
   * because its outcome may stay unknown.
   */
  changed(...ids: string[]): void;
}

/** Opens a database whose calls must all end within so many milliseconds from now. */
export type Connect = (time: number, caller?: Caller) => Database;

/** Whom a database works for. */
export interface Caller {
  onTrip?: OnTrip;
  /** Is told of the rows that a write has changed, by their ids. */
  onChange?: (ids: readonly string[]) => void;
  /** The trace of the caller, for services on the way to Postgres. */
  traceHeaders?: TraceHeaders | undefined;
  /** Asked only where a call has to wait, or takes long. */
  waiter?: Waiter;
  /** Lets reads go to replicas; without it, they go to the primary. */
  reader?: Reader | undefined;
}

export interface CallOptions {
  /** For drivers over HTTP. */
  traceHeaders?: TraceHeaders | undefined;
  /** Aborts once all callers have gone. Drivers that hold connections then cancel a query. */
  gone?: Gone | undefined;
  guard?: Guard | undefined;
  /** Is told the row of the driver's mark (`position.ts`) once a write is committed, unless the connection breaks then. */
  mark?: ((row: Row) => void) | undefined;
}

/**
 * A way to reach Postgres. Each call is one round trip and rejects with the driver's errors. A call whose deadline has
 * passed is not sent; one that is under way when it passes may go on.
 */
export interface Driver {
  /** A round trip is one transaction at most, so the guard of a snapshot sees the same moment. */
  readonly isOneTransaction?: true;
  query(statement: Statement, deadline: number, options?: CallOptions): Promise<Row[]>;
  batch(
    transaction: Transaction,
    statements: Statement[],
    deadline: number,
    options?: CallOptions,
  ): Promise<Row[][]>;
}
