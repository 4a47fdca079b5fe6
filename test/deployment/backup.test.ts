/** The commands of docs/deploy.md that back a catalogue up and restore it, with pg_dump and pg_restore themselves. */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { startPostgres } from "../../dev/postgres.ts";
import { NO_PG_DUMP, runAsShown } from "../support/backup.ts";
import { newBook } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { runBuilt } from "../support/command.ts";
import { createRole, createTestDatabase, type TestDatabase } from "../support/database.ts";
import { atEnd } from "../support/end.ts";
import { launchServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

describe.skipIf(NO_PG_DUMP)(`a restored backup (${NO_PG_DUMP ?? "pg_dump"})`, () => {
  let folder: string;
  let saved: { url: string; contents: Contents; cursor: string };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "octavo-backup-"));
    await chmod(folder, 0o755);
    atEnd(() => rm(folder, { recursive: true }));
    const database = await createTestDatabase();
    const api = await serve(database.url);
    await fill(api, database);
    const { json: page } = await api("GET", "/api/v1/changes");
    saved = { url: database.url, contents: await contentsOf(api), cursor: page.next_cursor };
    await runAsShown("pg_dump", folder, database.url);
  });

  const restoreWhole = (url: string) => runAsShown("pg_restore --no-owner", folder, url);

  test("a whole restore into another cluster has every book and movement, and starts the feed anew", async () => {
    const { url } = await otherCluster();
    await restoreWhole(url);

    // Until db:migrate has run, the doctor says what is missing.
    const given = { DATABASE_URL: url, AUTH_SECRET: SECRET, PORT: "0" };
    const sick = await runBuilt("doctor", [], given);
    expect(sick.code).toBe(1);
    expect(sick.stdout).toMatch(/The database was restored.*\n\s+npm run db:migrate/);
    expect(sick.stdout).toMatch(/no statement_timeout.*\n\s+npm run db:migrate/);
    expect(await runBuilt("migrate", [], given)).toMatchObject({ code: 0, stderr: "" });
    expect(await runBuilt("doctor", [], given)).toMatchObject({ code: 0 });

    const api = await serve(url);
    expect(await contentsOf(api)).toEqual(saved.contents);
    expect((await api("GET", `/api/v1/changes?cursor=${saved.cursor}`)).json).toMatchObject({
      error: "cursor_expired",
    });
    await expectWritable(api);
  });

  test("a whole restore into another database of the same cluster expires cursors, too", async () => {
    const empty = await emptyDatabase();
    await restoreWhole(empty.url);
    const { role, url } = await createRole(empty);
    await runBuilt("migrate", ["--grant", role], { DATABASE_URL: empty.url });
    const api = await serve(url);
    expect(await contentsOf(api)).toEqual(saved.contents);
    expect((await api("GET", `/api/v1/changes?cursor=${saved.cursor}`)).status).toBe(410);
    await expectWritable(api);
  });

  test("a restore of data alone into a migrated database has every book and movement", async () => {
    const migrated = await createTestDatabase();
    await runAsShown("pg_restore --data-only", folder, migrated.url);
    await runBuilt("migrate", [], { DATABASE_URL: migrated.url });
    const api = await serve(migrated.url);
    expect(await contentsOf(api)).toEqual(saved.contents);
    expect((await api("GET", `/api/v1/changes?cursor=${saved.cursor}`)).status).toBe(410);
    await expectWritable(api);
  });
});

async function serve(url: string): Promise<Client> {
  // The key that signs cursors stays the same, or they would be invalid instead of expired.
  const server = launchServer("node", { DATABASE_URL: url, AUTH_SECRET: SECRET, CURSOR_KEY: SECRET });
  return createClient(await server.url, await tokenFor("admin"));
}

/** Books with histories, a deleted book, tasks, and a record of a keyed request. */
async function fill(api: Client, database: TestDatabase): Promise<void> {
  await database.sql(
    `insert into books (title, author, isbn, price, stock, subjects) select 'Book ' || n, 'Ann Émile', '979' || 1000000000 + n,
       n, n % 7, '{novel}' from generate_series(1, 200) as n`,
  );
  for (const title of ["Flatland", "The Dispossessed"]) {
    const headers = { "Idempotency-Key": title };
    const { json: book } = await api("POST", "/api/v1/books", { body: newBook({ title }), headers });
    await api("POST", `/api/v1/books/${book.id}/stock`, { body: { delta: -2, reason: "sale" } });
    if (title === "Flatland") await api("DELETE", `/api/v1/books/${book.id}`);
  }
  await api("POST", "/api/v1/tasks", { body: { title: "Order ink" } });
}

type Contents = Awaited<ReturnType<typeof contentsOf>>;

/** What the API tells of everything in the database. */
async function contentsOf(api: Client) {
  const { text: books } = await api("GET", "/api/v1/books/export?format=ndjson");
  const { json: movements } = await api("GET", "/api/v1/stock/movements?limit=100");
  const { json: tasks } = await api("GET", "/api/v1/tasks");
  const { json: search } = await api("GET", "/api/v1/books?search=emile&limit=3&count=exact");
  const { json: changes } = await api("GET", "/api/v1/changes?limit=1000");
  const ids = (changes.data as { id: string; kind: string }[]).map(({ id, kind }) => `${id} ${kind}`).sort();
  return { books, movements: movements.data, tasks: tasks.data, total: search.total, changes: ids };
}

async function expectWritable(api: Client): Promise<void> {
  const { json: book } = await api("POST", "/api/v1/books", { body: newBook({ stock: 5 }) });
  expect((await api("POST", `/api/v1/books/${book.id}/stock`, { body: { delta: -1 } })).json.stock).toBe(4);
}

async function emptyDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  await database.sql("drop schema drizzle cascade; drop schema public cascade; create schema public");
  return database;
}

/** An empty database in a cluster of its own, whose transactions have smaller ids. */
async function otherCluster(): Promise<{ url: string }> {
  const directory = await mkdtemp(join(tmpdir(), "octavo-cluster-"));
  await chmod(directory, 0o755);
  atEnd(() => rm(directory, { recursive: true, force: true }));
  const postgres = await startPostgres({ directory, flags: ["fsync=off"] });
  atEnd(() => postgres.stop());
  await postgres.createDatabase("octavo");
  const url = postgres.url("octavo");
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query("select pg_current_xact_id()::text::int as id");
  await client.end();
  expect(rows[0].id).toBeLessThan(100_000);
  return { url };
}
