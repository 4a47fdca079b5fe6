/** The pool of connections: what a late or broken one does to the request that has it, and to those behind. */
import { beforeAll, describe, expect, test } from "vitest";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startServer } from "../support/servers.ts";

describe.each(["node", "bun"] as const)("%s, with one connection", (runtime) => {
  let api: Client;
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
    const variables = { DATABASE_POOL_SIZE: "1", REQUEST_TIMEOUT_MS: "1000" };
    api = await createClient((await startServer(runtime, database, variables)).url);
  });

  test("late: its request and those that wait for it are 503, and it serves again", async () => {
    const client = await database.connect();
    await client.query("begin; lock table books in access exclusive mode");
    const answers = await Promise.all(
      ["/api/v1/books", "/ready", "/api/v1/books?count=exact"].map((path) => api("GET", path)),
    );
    expect(answers.map(({ json }) => json.error)).toEqual(Array(3).fill("database_unavailable"));
    await client.query("commit");
    await client.end();
    await expect.poll(async () => (await api("GET", "/api/v1/books")).status).toBe(200);
  });

  test("broken: its request is 503, and the next one has another", async () => {
    const client = await database.connect();
    await client.query("begin; lock table books in access exclusive mode");
    const answer = api("GET", "/api/v1/books");
    const terminated = () =>
      database.sql(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'octavo' and wait_event_type = 'Lock'`);
    await expect.poll(terminated).toHaveLength(1);
    expect((await answer).json).toMatchObject({ status: 503, error: "database_unavailable" });
    await client.query("commit");
    await client.end();
    expect((await api("GET", "/api/v1/books")).status).toBe(200);
  });

  test("an error in the middle of a batch leaves the connection good", async () => {
    await database.sql("alter table books rename column price to cost");
    expect((await api("GET", "/api/v1/books?count=exact")).status).toBe(503);
    await database.sql("alter table books rename column cost to price");
    expect((await api("GET", "/api/v1/books?count=exact")).status).toBe(200);
    const [sessions] = await database.sql<{ idle: number }>(
      "select count(*)::int as idle from pg_stat_activity where datname = current_database() and state = 'idle' and application_name = 'octavo'",
    );
    expect(sessions?.idle).toBe(1);
  });
});
