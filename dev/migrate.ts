import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate as applyMigrations } from "drizzle-orm/node-postgres/migrator";
import pg from "pg";
import { StartupError } from "../src/startup-error.ts";

const MIGRATIONS = fileURLToPath(new URL("../drizzle", import.meta.url));

/** Ends a statement that no request waits for any more: a request has 10 s, its database call 9 s of them. */
const STATEMENT_TIMEOUT = "8s";

/** Any number will do, as long as every migrator takes the same. */
const LOCK = 7_250_867;

/**
 * Applies the migrations that are still to come, one process at a time, and sets the database's statement timeout.
 *
 * @param url a connection string whose role owns the database
 * @throws StartupError where the database cannot be reached
 */
export async function migrate(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
  } catch (error) {
    const { host } = new URL(url);
    throw new StartupError(
      `The database at ${host} cannot be reached: ${(error as Error).message || "no answer"}.`,
    );
  }
  try {
    await client.query("set statement_timeout = 0; set client_min_messages = warning");
    await client.query("select pg_advisory_lock($1)", [LOCK]);
    await applyMigrations(drizzle(client), { migrationsFolder: MIGRATIONS });
    await limitStatements(client);
  } finally {
    await client.end();
  }
}

/** A setting of the database, which its copies (`create database … template`) do not inherit. */
export async function limitStatements(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>("select quote_ident(current_database()) as name");
  await client.query(`alter database ${rows[0]?.name} set statement_timeout = '${STATEMENT_TIMEOUT}'`);
}
