import { type SQL, sql } from "drizzle-orm";

/** One row, keyed by column. Values are what every driver gives alike: text, int4 as number, bool as boolean. */
export type Row = Record<string, unknown>;

/**
 * The database as the stores see it. A call is one round trip, whatever it holds; the deadline, the retry policy
 * and the differences between drivers end behind it. Both reject with the faults of `faults.ts`.
 */
export interface Database {
  /** Runs one statement. */
  query<T extends Row>(statement: SQL): Promise<T[]>;
  /** Runs read-only statements on one snapshot. */
  snapshot(statements: SQL[]): Promise<Row[][]>;
}

/** Asks the database for an answer, whatever it is. */
export async function ping(database: Database): Promise<void> {
  await database.query(sql`select 1`);
}
