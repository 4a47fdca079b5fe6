import { getTableName } from "drizzle-orm";
import pg from "pg";
import * as schema from "../src/db/schema.ts";

/** The ledger, and the tables of the search and of the feed. Triggers write them, so the app's role only reads them. */
export const DERIVED: string[] = [
  schema.stockMovements,
  schema.bookSearch,
  schema.searchWords,
  schema.bookChanges,
  schema.bookFeed,
].map(getTableName);

/** The tables that the app's role reads and writes. */
export const WRITTEN = Object.values(schema)
  .map(getTableName)
  .filter((table) => !DERIVED.includes(table));

/** The tables that it only reads; `/ready` looks at the migrations. */
const READ = [...DERIVED, "drizzle.__drizzle_migrations"];

/** An advisory lock. Without it, simultaneous grants update the same rows of the catalogue, and all but one fail. */
const LOCK = 7_250_870;

/**
 * Grants a role the privileges that the app needs: to read and write rows. The role owns nothing and cannot change stock
 * movements. Earlier grants stay. Call it after each migration, because a new table needs new grants.
 *
 * @param client a connection as the owner of the tables
 */
export async function grantPrivileges(client: pg.Client, role: string): Promise<void> {
  const name = pg.escapeIdentifier(role);
  // A query of several statements is one transaction, and holds the lock until its end.
  await client.query(`
    select pg_advisory_xact_lock(${LOCK});
    grant usage on schema public, drizzle to ${name};
    grant select, insert, update, delete on ${WRITTEN.join(", ")} to ${name};
    grant select on ${READ.join(", ")} to ${name};`);
}
