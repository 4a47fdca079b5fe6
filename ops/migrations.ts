import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type MigrationMeta, readMigrationFiles } from "drizzle-orm/migrator";
import pg from "pg";
import journal from "../drizzle/meta/_journal.json" with { type: "json" };
import { DATABASE_FACTS, type DatabaseFacts, unmetRequirements } from "../src/db/requirements.ts";
import { StartupError } from "../src/startup-error.ts";
import { finishMigrations, isConcurrent } from "./background.ts";
import { refusalOf, withClient } from "./command.ts";
import { grantPrivileges } from "./privileges.ts";

/** The folder is next to the bundle in dist/, or next to the folder of this file. */
const FOLDER = ["./drizzle/", "../drizzle/"]
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(path));

/** The key of the advisory lock for migrations. */
const LOCK = 7_250_867;

/** How long an attempt waits for a lock. It is short because other queries on the table wait behind it. */
const LOCK_TIMEOUT = "1s";
const PAUSE_MS = 1000;
/** The default of {@link MigrateOptions.wait}. */
const WAIT = 60;

/** Shorter than the default deadline of a database call, which is 9 s of the 10 s of a request. */
const STATEMENT_TIMEOUT = "8s";

export interface MigrateOptions {
  /** A role that gets the privileges of the app; see `grantPrivileges`. */
  grantTo?: string | undefined;
  /** The maximum number of seconds to wait for locks; 60 by default. */
  wait?: number | undefined;
  /** Receives a sentence about each lock that delays the migration. */
  onProgress?: (sentence: string) => void;
}

/**
 * Applies the pending migrations, and sets the statement timeout of the database if it has none.
 *
 * Each migration is one transaction that contains its settings and its lock, because a pooler in transaction mode gives the
 * connection to another client afterwards. Concurrent migrators take turns.
 *
 * @param url a connection string whose role owns the database
 * @returns the number of migrations applied
 * @throws StartupError if the database is unreachable or unsuitable, or rejects a migration
 */
export function migrate(url: string, options: MigrateOptions = {}): Promise<number> {
  const { grantTo, wait = WAIT, onProgress = () => {} } = options;
  return withClient(url, async (client) => {
    await requireSuitable(client);
    const migrations = readMigrationFiles({ migrationsFolder: FOLDER ?? "drizzle" });
    // An index that is built concurrently cannot be part of a transaction.
    const later = migrations.map(({ sql }) => sql.filter(isConcurrent));
    let applied = 0;
    while (await retryWhileBusy(wait, onProgress, () => applyNext(client, migrations))) applied++;
    await limitStatements(client);
    await finishMigrations(client, later.flat(), onProgress);
    if (grantTo !== undefined) await grantPrivileges(client, grantTo);
    return applied;
  });
}

/** Somebody else holds a lock; the message says who. */
class Busy extends Error {}

/** Retries while locks are held, for at most `seconds`. */
async function retryWhileBusy<T>(
  seconds: number,
  onProgress: (sentence: string) => void,
  attempt: () => Promise<T>,
): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (let reported = ""; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Busy)) throw error;
      if (performance.now() + PAUSE_MS > end) throw new StartupError(error.message);
      if (error.message !== reported) onProgress(`Waiting. ${error.message}`);
      reported = error.message;
      await sleep(PAUSE_MS);
    }
  }
}

async function requireSuitable(client: pg.Client): Promise<void> {
  const { rows } = await client.query<
    DatabaseFacts & { is_owner: boolean; me: string; db: string; owner: string }
  >(
    `select ${DATABASE_FACTS}, pg_has_role(datdba, 'usage') as is_owner, current_user::text as me,
       datname::text as db, pg_get_userbyid(datdba)::text as owner
     from pg_database where datname = current_database()`,
  );
  const [facts] = rows;
  if (!facts) throw new Error("The catalogue does not list the current database.");
  const faults = unmetRequirements(facts);
  if (!facts.is_owner) {
    faults.push(
      `The role ${facts.me} does not own the database ${facts.db}: migrate as ${facts.owner}, and run the app as ${facts.me}.`,
    );
  }
  if (faults.length > 0) throw new StartupError(faults.join("\n"));
}

/** @returns false if no migration is pending */
async function applyNext(client: pg.Client, migrations: MigrationMeta[]): Promise<boolean> {
  let name = "";
  try {
    await client.query(
      `begin; set local statement_timeout = 0; set local client_min_messages = warning;
       set local lock_timeout = '${LOCK_TIMEOUT}'; select pg_advisory_xact_lock(${LOCK});
       create schema if not exists drizzle;
       create table if not exists drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`,
    );
    const { rows } = await client.query<{ last: string | null }>(
      "select max(created_at) as last from drizzle.__drizzle_migrations",
    );
    const last = Number(rows[0]?.last ?? -1);
    const at = migrations.findIndex(({ folderMillis }) => folderMillis > last);
    const migration = migrations[at];
    if (migration) {
      name = `${journal.entries[at]?.tag}`;
      for (const statement of migration.sql) if (!isConcurrent(statement)) await client.query(statement);
      await client.query("insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)", [
        migration.hash,
        migration.folderMillis,
      ]);
    }
    await client.query("commit");
    return migration !== undefined;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    await client.query("rollback");
    if (error.code === "55P03") throw new Busy(name ? busyTable(name) : await busyMigrator(client));
    const failed = name ? `The migration ${name} failed and was rolled back. ` : "";
    throw new StartupError(failed + refusalOf(error));
  }
}

const busyTable = (name: string) =>
  `The migration ${name} needs a table that a long transaction has locked: end that transaction.`;

/** An idle session that holds the lock was left in a pooler by an earlier version. */
async function busyMigrator(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ pid: number; state: string | null }>(
    `select pid, state from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and granted and ((classid::bigint << 32) | objid::bigint) = ${LOCK}
       and pg_locks.database = (select oid from pg_database where datname = current_database())`,
  );
  const [holder] = rows;
  if (holder?.state !== "idle") return "Another migration is running.";
  return (
    `The Postgres session ${holder.pid} holds the migration lock and is idle; a migration of an earlier version left it ` +
    `in a pooler. End it: select pg_terminate_backend(${holder.pid}).`
  );
}

/**
 * Sets the statement timeout of the database if it has none. Copies (`create database … template`) and restored dumps do
 * not inherit this setting.
 */
export async function limitStatements(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string; is_set: boolean }>(
    `select quote_ident(datname) as name, exists (
       select from pg_db_role_setting, unnest(setconfig) as setting
       where setdatabase = pg_database.oid and setrole = 0 and setting like 'statement_timeout=%'
     ) as is_set from pg_database where datname = current_database()`,
  );
  const [database] = rows;
  if (!database || database.is_set) return;
  await client.query(`alter database ${database.name} set statement_timeout = '${STATEMENT_TIMEOUT}'`);
}
