import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, inject } from "vitest";
import { limitStatements } from "../../dev/migrate.ts";
import { TEMPLATE } from "./setup.ts";

/** A database of the test file's own, as the migrations leave one. It is dropped when the file is done. */
export interface TestDatabase {
  url: string;
  /** Runs SQL past the API: to prepare what it should find, and to see what it left. */
  sql<T extends Record<string, unknown>>(text: string, values?: unknown[]): Promise<T[]>;
  /** A connection of the test's own, for it to end: to hold locks, say. */
  connect(): Promise<pg.Client>;
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
    await client.connect();
    return client;
  };
  const client = await connect();
  await limitStatements(client);
  await client.end();
  afterAll(async () => {
    await pool.end();
    await maintain(server.href, `drop database ${name} with (force)`);
  });
  return { url, connect, sql: async (text, values) => (await pool.query(text, values)).rows };
}

async function maintain(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  // Only one database at a time can be made from a template.
  await client.query("select pg_advisory_lock(1)");
  await client.query(statement);
  await client.end();
}
