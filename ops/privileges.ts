import pg from "pg";

/** Tables that the app's role reads and writes. */
const WRITTEN = ["books", "tasks", "idempotency_keys"];
/** Tables that it only reads: the ledger, which a trigger writes, and the list of migrations, for /ready. */
const READ = ["stock_movements", "drizzle.__drizzle_migrations"];

/** Any number will do: two grants at once would change the same rows of the catalogue, and one would fail. */
const LOCK = 7_250_870;

/**
 * Grants a role what the app needs: to read and write rows, and nothing else. It owns nothing and cannot change the
 * movements of stock. Existing grants stay, so that it may be called again after each migration.
 *
 * @param client connected as the owner of the tables
 */
export async function grantPrivileges(client: pg.Client, role: string): Promise<void> {
  const name = pg.escapeIdentifier(role);
  // One query is one transaction, which holds the lock to its end.
  await client.query(`
    select pg_advisory_xact_lock(${LOCK});
    grant usage on schema public, drizzle to ${name};
    grant select, insert, update, delete on ${WRITTEN.join(", ")} to ${name};
    grant select on ${READ.join(", ")} to ${name};`);
}
