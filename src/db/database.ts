import { type SQL, sql } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import { faultOf } from "./faults.ts";

/** One row, keyed by column. Values are what every driver gives alike: text, int4 as number, bool as boolean. */
export type Row = Record<string, unknown>;

/**
 * The transaction that a batch runs in. A `snapshot` is read-only, and all its statements see the same moment; in a
 * `write` each statement sees what was committed before it began, the statements before it included.
 */
export type Transaction = "snapshot" | "write";

/**
 * The database as the stores see it. A call is one round trip, whatever it holds; the deadline and the differences
 * between drivers end behind it. Both methods reject with the faults of `faults.ts`.
 */
export interface Database {
  /** Runs one statement. */
  query<T extends Row>(statement: SQL): Promise<T[]>;
  /** Runs statements as one transaction, all or none of it. */
  batch(transaction: Transaction, statements: SQL[]): Promise<Row[][]>;
}

/** A statement as drivers take it. */
export interface Statement {
  text: string;
  values: unknown[];
}

/** What a driver has to do, each in one round trip, until the signal aborts it. It rejects with errors of its own. */
export interface Driver {
  query(statement: Statement, signal: AbortSignal): Promise<Row[]>;
  batch(transaction: Transaction, statements: Statement[], signal: AbortSignal): Promise<Row[][]>;
}

/** Makes a database whose calls are aborted by a signal. */
export type Connect = (signal: AbortSignal) => Database;

/** The database behind a driver. */
export function connectOver(driver: Driver): Connect {
  const dialect = new PgDialect();
  const compiled = (statement: SQL): Statement => {
    const { sql, params } = dialect.sqlToQuery(statement);
    return { text: sql, values: params };
  };
  return (signal) => ({
    // Statements are compiled before the driver runs them, so that a fault of ours there is no fault of the database.
    query: async <T extends Row>(statement: SQL) =>
      (await told(driver.query(compiled(statement), signal))) as T[],
    batch: async (transaction, statements) =>
      told(driver.batch(transaction, statements.map(compiled), signal)),
  });
}

/** Lets a driver's error tell what it means to the API. */
async function told<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw faultOf(error);
  }
}

/** Asks the database for an answer, whatever it is. */
export async function ping(database: Database): Promise<void> {
  await database.query(sql`select 1`);
}
