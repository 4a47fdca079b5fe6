import { fillPlaceholders, type SQL, sql } from "drizzle-orm";
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
 * A statement whose values come apart from it, as `sql.placeholder(name)`: it is compiled once, and connections may keep it
 * prepared. For what is asked often, in few shapes, and for which one plan is good whatever the values.
 */
export interface Query {
  /** Its name. Queries of one shape differ in nothing but their values. */
  shape: string;
  build(): SQL;
  values: Record<string, unknown>;
}

/** A query for rows by their key; its columns and a column `key`, for those of `sql.placeholder("keys")`. */
export interface Lookup {
  shape: string;
  build(): SQL;
}

/**
 * The database as the stores see it. A call is one round trip, whatever it holds; the deadline and the differences
 * between drivers end behind it. All methods reject with the faults of `faults.ts`.
 */
export interface Database {
  /** Finds the row under a key. */
  find<T extends Row>(lookup: Lookup, key: string): Promise<T | undefined>;
  /** Runs one statement that only reads. It may be shared with others who ask the same at the time. */
  read<T extends Row>(query: Query | SQL): Promise<T[]>;
  /** Runs one statement that writes. */
  write<T extends Row>(query: Query | SQL): Promise<T[]>;
  /** Runs statements as one transaction, all or none of it. */
  batch(transaction: Transaction, queries: (Query | SQL)[]): Promise<Row[][]>;
}

/** A statement as drivers take it. */
export interface Statement {
  text: string;
  values: unknown[];
  /** Where it is given, a connection may keep the statement under this name, prepared. */
  name?: string;
}

/** What a driver has to do, each in one round trip, within so many milliseconds. It rejects with errors of its own. */
export interface Driver {
  query(statement: Statement, time: number): Promise<Row[]>;
  batch(transaction: Transaction, statements: Statement[], time: number): Promise<Row[][]>;
}

/** How reads come to the driver: each by itself ({@link apart}), or with others (`sharedReads`). */
export interface Reads {
  find(
    lookup: Lookup,
    key: string,
    statementFor: (keys: string[]) => Statement,
    time: number,
  ): Promise<Row | undefined>;
  read(statement: Statement, time: number): Promise<Row[]>;
}

/** Makes a database each of whose calls may take so many milliseconds. */
export type Connect = (time: number) => Database;

/** Every read is a query of its own. */
export const apart = (driver: Driver): Reads => ({
  find: async (_, key, statementFor, time) => (await driver.query(statementFor([key]), time))[0],
  read: (statement, time) => driver.query(statement, time),
});

/** The database behind a driver. */
export function connectOver(driver: Driver, reads = apart(driver)): Connect {
  const compile = compiler();
  return (time) => ({
    // Statements are compiled before the driver runs them, so that a fault of ours there is no fault of the database.
    find: async <T extends Row>(lookup: Lookup, key: string) => {
      const statementFor = (keys: string[]) => compile({ ...lookup, values: { keys } });
      return (await told(reads.find(lookup, key, statementFor, time))) as T | undefined;
    },
    read: async <T extends Row>(query: Query | SQL) => (await told(reads.read(compile(query), time))) as T[],
    write: async <T extends Row>(query: Query | SQL) =>
      (await told(driver.query(compile(query), time))) as T[],
    batch: async (transaction, queries) => told(driver.batch(transaction, queries.map(compile), time)),
  });
}

function compiler(): (query: Query | SQL) => Statement {
  const dialect = new PgDialect();
  const kept = new Map<string, { text: string; parameters: unknown[]; name: string }>();
  return (query) => {
    if (!("shape" in query)) {
      const { sql, params } = dialect.sqlToQuery(query);
      return { text: sql, values: params };
    }
    const { shape, values } = query;
    let compiled = kept.get(shape);
    if (!compiled) {
      const { sql, params } = dialect.sqlToQuery(query.build());
      compiled = { text: sql, parameters: params, name: `octavo_${kept.size}` };
      kept.set(shape, compiled);
    }
    const { text, parameters, name } = compiled;
    return { text, values: fillPlaceholders(parameters, values), name };
  };
}

/** Lets a driver's error tell what it means to the API. */
async function told<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw faultOf(error);
  }
}

const PING: Query = { shape: "ping", build: () => sql`select 1`, values: {} };

/** Asks the database for an answer, whatever it is. */
export async function ping(database: Database): Promise<void> {
  await database.read(PING);
}
