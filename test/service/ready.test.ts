/** `/ready`, and responses of an app whose database is not set up for this version. */
import { describe, expect, test } from "vitest";
import { NEWEST_MIGRATION } from "../../src/db/requirements.ts";
import { newBook } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { launchServer, RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const NOT_SET_UP = { status: 503, error: "service_unavailable", message: /does not have the schema/ };

const expectNotSetUp = ({ json, headers }: Awaited<ReturnType<Client>>) => {
  expect(json).toMatchObject({ ...NOT_SET_UP, message: expect.stringMatching(NOT_SET_UP.message) });
  expect(headers.has("Retry-After"), "Retry-After is there").toBe(true);
};

const takeAway = (database: TestDatabase) =>
  database.sql("delete from drizzle.__drizzle_migrations where created_at = $1 returning *", [
    NEWEST_MIGRATION,
  ]);

describe.each(RUNTIMES)("%s", (runtime) => {
  const start = async (database: TestDatabase) =>
    createClient(
      (await startServer(runtime, database, { AUTH_SECRET: SECRET })).url,
      await tokenFor("admin"),
    );

  test("the app is ready once the newest migration has run", async () => {
    const database = await createTestDatabase();
    const api = await start(database);
    expect((await api("GET", "/ready")).status).toBe(200);
    const [row] = await takeAway(database);
    expectNotSetUp(await api("GET", "/ready"));
    await database.sql("insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)", [
      row?.hash,
      NEWEST_MIGRATION + 1,
    ]);
    expect((await api("GET", "/ready")).status, "with a later version's migration").toBe(200);
  });

  test("every route reports an empty database as not set up, not as unreachable", async () => {
    const database = await createTestDatabase();
    await database.sql("drop schema drizzle cascade; drop schema public cascade; create schema public");
    const api = await start(database);
    for (const path of ["/ready", "/api/v1/books", "/api/v1/books?search=a", "/api/v1/books?count=exact"])
      expectNotSetUp(await api("GET", path));
    expectNotSetUp(await api("POST", "/api/v1/books", { body: newBook() }));
    expectNotSetUp(
      await api("POST", "/api/v1/tasks", { body: { title: "A" }, headers: { "Idempotency-Key": "a" } }),
    );
  });
});

describe.each(["node", "bun"] as const)("%s", (runtime) => {
  const noticesAtStart = async (database: TestDatabase) => {
    const server = launchServer(runtime, { DATABASE_URL: database.url, AUTH_SECRET: SECRET });
    await server.url;
    return server.notices;
  };

  test("a server reports at its start that the database is empty", async () => {
    const database = await createTestDatabase();
    await database.sql("drop schema drizzle cascade");
    const notices = await noticesAtStart(database);
    await expect
      .poll(notices)
      .toMatch(/is not set up for this version \(.* does not exist\): run npm run db:migrate/);
  });

  test("a server reports at its start that the database is not migrated", async () => {
    const database = await createTestDatabase();
    await takeAway(database);
    const notices = await noticesAtStart(database);
    await expect.poll(notices).toMatch(/lacks migrations of this version: run npm run db:migrate/);
  });

  test("a server reports at its start that the database has no statement_timeout", async () => {
    const database = await createTestDatabase();
    await database.sql(`alter database ${new URL(database.url).pathname.slice(1)} reset statement_timeout`);
    const notices = await noticesAtStart(database);
    await expect.poll(notices).toMatch(/no statement_timeout, as after a restore: run npm run db:migrate/);
  });
});
