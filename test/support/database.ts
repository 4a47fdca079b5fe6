import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject, onTestFinished } from "vitest";
import { limitStatements } from "../../ops/migrations.ts";
import { atEnd } from "./end.ts";
import { TEMPLATE } from "./setup.ts";

/** A migrated database of one test file, dropped when the file ends. */
export interface TestDatabase {
  url: string;
  /** Runs SQL directly, to prepare data and to inspect it. */
  sql<T extends Record<string, unknown>>(text: string, values?: unknown[]): Promise<T[]>;
  /** Changes a setting, such as `set lock_timeout = 100`, for later sessions. */
  alter(change: string): Promise<void>;
  /** Opens a connection, which the caller ends. */
  connect(): Promise<pg.Client>;
  /** Runs a statement in a transaction, and resolves to a function that commits it. The end of the test commits it too. */
  hold(text: string, values?: unknown[]): Promise<() => Promise<void>>;
  /** The number of sessions that wait for a lock. */
  waiting(): Promise<number>;
  /** Copies the database, for less than it takes to fill another. Only the test may be connected to it. */
  copy(): Promise<TestDatabase>;
}

export async function createTestDatabase(template = TEMPLATE): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  const server = new URL(inject("postgres"));
  // Without the write-ahead log, copying the files takes a third of the time.
  await maintain(server.href, `create database ${name} template ${template} strategy file_copy`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  // On a busy machine, preparing data may take longer than the app's statement timeout.
  const own = { connectionString: url, options: "-c statement_timeout=0" };
  const pool = new pg.Pool({ ...own, max: 4 });
  // Dropping the database ends its connections with an error.
  pool.on("error", () => {});
  const connect = async () => {
    const client = new pg.Client(own);
    client.on("error", () => {});
    await client.connect();
    return client;
  };
  const client = await connect();
  await limitStatements(client);
  await client.end();
  atEnd(async () => {
    await pool.end();
    await maintain(server.href, `drop database ${name} with (force)`);
  });
  return {
    url,
    sql: async (text, values) => (await pool.query(text, values)).rows,
    async alter(change) {
      await pool.query(`alter database ${name} ${change}`);
    },
    connect,
    async hold(text, values) {
      const client = await connect();
      await client.query("begin");
      await client.query(text, values);
      const end = async () => {
        await client.query("commit");
        await client.end();
      };
      let ended: Promise<void> | undefined;
      const release = () => {
        ended ??= end();
        return ended;
      };
      onTestFinished(release);
      return release;
    },
    async waiting() {
      const { rowCount } = await pool.query(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return rowCount ?? 0;
    },
    async copy() {
      // Postgres copies no database with connections, and waits while those of the pool end.
      await maintain(
        server.href,
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
      );
      return createTestDatabase(name);
    },
  };
}

/** Creates a role without privileges, and returns its URL for a database. */
export async function createRole(database: TestDatabase): Promise<{ role: string; url: string }> {
  const role = `role_${randomBytes(6).toString("hex")}`;
  const password = randomBytes(12).toString("hex");
  await maintain(inject("postgres"), `create role ${role} login password '${password}'`);
  return { role, url: Object.assign(new URL(database.url), { username: role, password }).href };
}

async function maintain(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  // Postgres copies a template for one database at a time, and rejects others meanwhile.
  await client.query("select pg_advisory_lock(1)");
  await client.query(statement);
  await client.end();
}
