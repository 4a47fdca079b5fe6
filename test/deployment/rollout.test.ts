/**
 * Two versions and one database. The later version is this one with the walk-through that adds a member to a book, so that
 * the migration is of the most frequent kind: a column, a constraint, triggers, and JSON to rewrite.
 */
import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { beforeAll, expect, test, vi } from "vitest";
import { environmentOf, runBuilt } from "../support/command.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startLoad } from "../support/load.ts";
import { launchServer, type ServerProcess, startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";
import { buildNextVersion } from "../support/walkthrough.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** Books whose JSON the migration rewrites, in several batches. */
const BOOKS = 3000;

let next: string;

beforeAll(async () => {
  next = await buildNextVersion();
});

async function filledDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  await database.sql(
    `insert into books (title, author, isbn, price) select 'Old ' || n, 'A', '979' || 1000000000 + n, 1
     from generate_series(1, ${BOOKS}) as n`,
  );
  return database;
}

const start = (database: TestDatabase, checkout?: string) =>
  launchServer("node", { DATABASE_URL: database.url, AUTH_SECRET: SECRET }, checkout);

/** Migrates with the commands of the later version. */
const migrateNext = ({ url }: TestDatabase) =>
  promisify(execFile)(process.execPath, ["dist/migrate.js"], {
    cwd: next,
    env: environmentOf({ DATABASE_URL: url }),
  });

const readiness = async (server: ServerProcess) => (await fetch(`${await server.url}/ready`)).status;

/** The requests that failed. */
const failures = (seen: Map<string, number>) => [...seen.keys()].filter((key) => !/ 20[01]$/.test(key));

test.each(["node", "workerd", "bun"] as const)(
  "no request to a server on %s fails while the later version migrates, and both versions serve together",
  async (runtime) => {
    const database = await filledDatabase();
    const old = await startServer(runtime, database, { AUTH_SECRET: SECRET });
    const origins = [old.url];
    let turn = 0;
    const load = await startLoad(() => origins[turn++ % origins.length]);
    await sleep(500);

    await migrateNext(database);
    const during = load.seen();
    const later = start(database, next);
    origins.push(await later.url);
    await sleep(1000);
    await load.stop();

    expect(failures(during)).toEqual([]);
    expect(failures(load.seen())).toEqual([]);
    expect(during.size).toBe(6);
    expect(await readiness(later)).toBe(200);
    const rewritten = "select count(*)::int as books from books where not json::jsonb ? 'subtitle'";
    expect(await database.sql(rewritten)).toEqual([{ books: 0 }]);
  },
);

test("a later version that starts before its migration is not ready until then, and answers no 500", async () => {
  const database = await filledDatabase();
  const old = start(database);
  const later = start(database, next);
  const urls = await Promise.all([old.url, later.url]);
  // A load balancer asks for readiness, and sends requests to those that are ready.
  let ready: string[] = [];
  let turn = 0;
  const balance = async () => {
    const states = await Promise.all([old, later].map(readiness));
    ready = urls.filter((_, at) => states[at] === 200);
    return states;
  };
  expect(await balance()).toEqual([200, 503]);
  const load = await startLoad(() => ready[turn++ % ready.length]);

  // Whoever asks the later version all the same is told that it is not set up.
  const write = await fetch(`${urls[1]}/api/v1/books`, {
    method: "POST",
    headers: { Authorization: `Bearer ${await tokenFor("editor")}`, "Content-Type": "application/json" },
    body: JSON.stringify({ title: "A", author: "B", isbn: "9780306406157", price: 1, subtitle: "C" }),
  });
  expect(write.status).toBe(503);

  await migrateNext(database);
  expect(await balance()).toEqual([200, 200]);
  await sleep(1000);
  await load.stop();
  expect(failures(load.seen())).toEqual([]);
});

test("a rollback keeps the schema: this version serves on that of the later one, and loses nothing of it", async () => {
  const database = await filledDatabase();
  await migrateNext(database);
  const later = start(database, next);
  const headers = { Authorization: `Bearer ${await tokenFor("editor")}`, "Content-Type": "application/json" };
  const send = async (server: ServerProcess, method: string, path: string, body: object) => {
    const init = { method, headers, body: JSON.stringify(body) };
    return (await (await fetch(`${await server.url}/api/v1/books${path}`, init)).json()) as { id: string };
  };
  const book = { title: "Flatland", author: "Edwin A. Abbott", isbn: "9780486272634", price: 5.5 };
  const { id } = await send(later, "POST", "", { ...book, subtitle: "A Romance" });

  // The former version takes over, and the later one stops.
  const former = start(database);
  expect(await readiness(former)).toBe(200);
  expect(await later.end("SIGTERM")).toBe(0);
  const formerUrl = await former.url;
  const load = await startLoad(() => formerUrl);
  await send(former, "PATCH", `/${id}`, { price: 6 });
  await sleep(500);
  await load.stop();
  expect(failures(load.seen())).toEqual([]);
  expect(await database.sql("select subtitle, price::float from books where id = $1", [id])).toEqual([
    { subtitle: "A Romance", price: 6 },
  ]);

  const given = { DATABASE_URL: database.url, AUTH_SECRET: SECRET, PORT: "0" };
  const { code, stdout } = await runBuilt("doctor", [], given);
  expect([code, stdout]).toEqual([0, expect.stringContaining("and has those of a later version")]);
  const { stdout: migrated } = await runBuilt("migrate", [], given);
  expect(migrated).toBe("The database is up to date.\n");
});
