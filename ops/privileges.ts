import pg from "pg";

/** Tables that the app's role reads and writes. */
const WRITTEN = ["books", "tasks", "idempotency_keys"];
/** Tables that it only reads: the ledger, which a trigger writes, and the list of migrations, for /ready. */
const READ = ["stock_movements", "drizzle.__drizzle_migrations"];

/**
 * Grants a role what the app needs: to read and write rows, and nothing else. It owns nothing and cannot change the
 * movements of stock. Existing grants stay, so that it may be called again after each migration.
 *
 * @param client connected as the owner of the tables
 */
export async function grantPrivileges(client: pg.Client, role: string): Promise<void> {
  const name = pg.escapeIdentifier(role);
  await client.query(`
    grant usage on schema public, drizzle to ${name};
    grant select, insert, update, delete on ${WRITTEN.join(", ")} to ${name};
    grant select on ${READ.join(", ")} to ${name};`);
}
