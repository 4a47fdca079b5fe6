import pg from "pg";

/** Tables that the app reads and writes. */
const WRITTEN = ["books", "tasks", "idempotency_keys"];
/** Tables that the app only reads: the ledger, which a trigger writes, and the list of migrations, for /ready. */
const READ = ["stock_movements", "drizzle.__drizzle_migrations"];

/** The key of an advisory lock: concurrent grants would update the same rows of pg_catalog, and one would fail. */
const LOCK = 7_250_870;

/**
 * Grants a role the privileges that the app needs: it can read and write rows, but cannot change stock movements. It can be
 * called again after each migration.
 *
 * @param client connected as the owner of the tables
 */
export async function grantPrivileges(client: pg.Client, role: string): Promise<void> {
  const name = pg.escapeIdentifier(role);
  // One query is one transaction, which holds the lock until its end.
  await client.query(`
    select pg_advisory_xact_lock(${LOCK});
    grant usage on schema public, drizzle to ${name};
    grant select, insert, update, delete on ${WRITTEN.join(", ")} to ${name};
    grant select on ${READ.join(", ")} to ${name};`);
}
