import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type MigrationMeta, readMigrationFiles } from "drizzle-orm/migrator";
import pg from "pg";
import journal from "../drizzle/meta/_journal.json" with { type: "json" };
import { DATABASE_FACTS, type DatabaseFacts, unmetRequirements } from "../src/db/requirements.ts";
import { StartupError } from "../src/startup-error.ts";
import { refusalOf, withClient } from "./command.ts";
import { grantPrivileges } from "./privileges.ts";

/** Beside the bundle in dist/, or above this file. */
const FOLDER = ["./drizzle/", "../drizzle/"]
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(path));

/** Any number will do, as long as every migrator takes the same. */
const LOCK = 7_250_867;
/** How long to wait for another migrator. */
const OTHER_MIGRATOR_WAIT = "60s";
/** How long a migration waits for a table. Everybody else who wants the table waits behind it, so it is short. */
const TABLE_WAIT = "1s";
const TABLE_TRIES = 30;
const TABLE_PAUSE_MS = 1000;

/** Ends a statement that no request waits for any more: a request has 10 s, its database call 9 s of them. */
const STATEMENT_TIMEOUT = "8s";

const LOCK_NOT_AVAILABLE = "55P03";

export interface MigrateOptions {
  /** A role to grant what the app needs; see `grantPrivileges`. */
  grantTo?: string | undefined;
  /** Is told, in sentences, what takes long. */
  onProgress?: (sentence: string) => void;
}

/**
 * Applies the migrations that are still to come, and sets the database's statement timeout where it has none.
 *
 * Each migration is one transaction, with its settings and its lock inside it: a pooler in transaction mode gives the
 * connection to somebody else afterwards. Migrators that run at the same time take turns.
 *
 * @param url a connection string whose role owns the database
 * @returns how many were applied
 * @throws StartupError where the database cannot be reached, is not what Octavo needs, or refuses a migration
 */
export function migrate(
  url: string,
  { grantTo, onProgress = () => {} }: MigrateOptions = {},
): Promise<number> {
  return withClient(url, async (client) => {
    await requireSuitable(client);
    const migrations = readMigrationFiles({ migrationsFolder: FOLDER ?? "drizzle" });
    let applied = 0;
    while (await applyNext(client, migrations, onProgress)) applied++;
    await limitStatements(client);
    if (grantTo !== undefined) await grantPrivileges(client, grantTo);
    return applied;
  });
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
      `The role ${facts.me} does not own the database ${facts.db}: migrate as ${facts.owner}, and let the app run as ${facts.me}.`,
    );
  }
  if (faults.length > 0) throw new StartupError(faults.join("\n"));
}

/** @returns false where there is none left */
async function applyNext(
  client: pg.Client,
  migrations: MigrationMeta[],
  onProgress: (sentence: string) => void,
): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const last = await lastApplied(client);
    const at = migrations.findIndex(({ folderMillis }) => folderMillis > last);
    const migration = migrations[at];
    if (!migration) {
      await client.query("commit");
      return false;
    }
    const name = journal.entries[at]?.tag;
    try {
      await client.query(`set local lock_timeout = '${TABLE_WAIT}'`);
      for (const statement of migration.sql) await client.query(statement);
      const applied = [migration.hash, migration.folderMillis];
      await client.query(
        "insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)",
        applied,
      );
      await client.query("commit");
      return true;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      await client.query("rollback");
      if (error.code !== LOCK_NOT_AVAILABLE) {
        throw new StartupError(
          `The migration ${name} failed, and nothing of it was kept. ${refusalOf(error)}`,
        );
      }
      if (attempt === TABLE_TRIES) {
        throw new StartupError(
          `The migration ${name} needs a lock that a long transaction holds: end that transaction, and run this again.`,
        );
      }
      onProgress(`The migration ${name} waits for a transaction that holds a table it changes.`);
      await sleep(TABLE_PAUSE_MS);
    }
  }
}

/** Begins a transaction, alone among migrators, and tells when the newest migration was made that is applied. */
async function lastApplied(client: pg.Client): Promise<number> {
  try {
    await client.query(
      `begin; set local statement_timeout = 0; set local client_min_messages = warning;
       set local lock_timeout = '${OTHER_MIGRATOR_WAIT}'; select pg_advisory_xact_lock(${LOCK})`,
    );
  } catch (error) {
    if ((error as pg.DatabaseError).code !== LOCK_NOT_AVAILABLE) throw error;
    await client.query("rollback");
    throw new StartupError(await busyMigrator(client));
  }
  await client.query(
    `create schema if not exists drizzle;
     create table if not exists drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`,
  );
  const { rows } = await client.query<{ last: string | null }>(
    "select max(created_at) as last from drizzle.__drizzle_migrations",
  );
  return Number(rows[0]?.last ?? -1);
}

/** A session that holds the lock and does nothing is one that an earlier version left in a pooler. */
async function busyMigrator(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ pid: number; state: string | null }>(
    `select pid, state from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and granted and ((classid::bigint << 32) | objid::bigint) = ${LOCK}
       and pg_locks.database = (select oid from pg_database where datname = current_database())`,
  );
  const [holder] = rows;
  const session = holder ? ` (Postgres session ${holder.pid}, ${holder.state ?? "state unknown"})` : "";
  return (
    `Another migration has held the lock for a minute${session}: wait for it and run this again. ` +
    `If none runs, end that session: select pg_terminate_backend(${holder?.pid ?? "pid"}).`
  );
}

/**
 * Sets the statement timeout of the database, where it has none. It is a setting of the database, which neither its
 * copies (`create database … template`) nor a restored dump inherit.
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
