import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject, onTestFinished } from "vitest";
import { limitStatements } from "../../ops/migrations.ts";
import { atEnd } from "./end.ts";
import { TEMPLATE } from "./setup.ts";

/** A database of the test file's own, as the migrations leave one. It is dropped when the file is done. */
export interface TestDatabase {
  url: string;
  /** Runs SQL past the API: to prepare what it should find, and to see what it left. */
  sql<T extends Record<string, unknown>>(text: string, values?: unknown[]): Promise<T[]>;
  /** Alters the database's settings, as in `set lock_timeout = 100`, for sessions that begin later. */
  alter(change: string): Promise<void>;
  /** A connection of the test's own, for it to end. */
  connect(): Promise<pg.Client>;
  /** Runs a statement in a transaction that stays open until what it resolves to is called, or the test is over. */
  hold(text: string, values?: unknown[]): Promise<() => Promise<void>>;
  /** How many of its sessions wait for a lock. */
  waiting(): Promise<number>;
}

export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  const server = new URL(inject("postgres"));
  await maintain(server.href, `create database ${name} template ${TEMPLATE}`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  // What prepares and observes may take its time, on a busy machine too.
  const own = { connectionString: url, options: "-c statement_timeout=0" };
  const pool = new pg.Pool({ ...own, max: 4 });
  // The server ends our connections when the database is dropped; that is no error here.
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
  };
}

/** A new role that may do nothing yet, and the URL as which it comes to a database. */
export async function createRole(database: TestDatabase): Promise<{ role: string; url: string }> {
  const role = `role_${randomBytes(6).toString("hex")}`;
  const password = randomBytes(12).toString("hex");
  await maintain(inject("postgres"), `create role ${role} login password '${password}'`);
  return { role, url: Object.assign(new URL(database.url), { username: role, password }).href };
}

async function maintain(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  // Only one database at a time can be made from a template.
  await client.query("select pg_advisory_lock(1)");
  await client.query(statement);
  await client.end();
}
