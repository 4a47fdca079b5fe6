/** The Worker over Hyperdrive: node-postgres in workerd. Locally, Hyperdrive passes connections on to Postgres. */
import { execFile } from "node:child_process";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { wrangler, wranglerFlags } from "../../ops/wrangler.ts";
import { newBook } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { goodRequest, operationsOf } from "../support/requests.ts";
import { SECRET, tokenFor } from "../support/token.ts";
import { startWorker, type TestWorker } from "../support/worker.ts";

let database: TestDatabase;
let directory: string;
let worker: TestWorker;
let api: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), "octavo-hyperdrive-"));
  const { file, environment } = wrangler();
  const flags = ["deploy", "--dry-run", ...wranglerFlags("hyperdrive"), "--outdir", directory];
  await promisify(execFile)(process.execPath, [file, ...flags], { env: environment });
  await rename(join(directory, "worker-hyperdrive.js"), join(directory, "worker.js"));
  worker = await startOn(database.url);
  api = await createClient(worker.url, await tokenFor("admin"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Starts the Worker without another way to a database than the binding. */
const startOn = (url: string) =>
  startWorker(
    database,
    {
      DATABASE_URL: undefined,
      NEON_FETCH_ENDPOINT: undefined,
      AUTH_SECRET: SECRET,
      CURSOR_KEY: SECRET,
      SESSION_KEY: SECRET,
      LOG_LEVEL: "debug",
    },
    {
      directory,
      overrides: { compatibilityFlags: ["nodejs_compat"], hyperdrives: { HYPERDRIVE: url } },
    },
  );

const eventOf = (id: string) => {
  const line = worker.logs().find((line) => line.includes(`"${id}"`));
  return line ? JSON.parse(line) : undefined;
};

test("every operation of the API succeeds, in one round trip to the database at most", async () => {
  const operations = operationsOf((await api("GET", "/openapi.json")).json);
  expect(operations.length).toBeGreaterThan(25);
  for (const operation of operations) {
    const { path, body } = await goodRequest(operation, api);
    const id = crypto.randomUUID();
    const options = { ...(body && { body }), headers: { "X-Request-Id": id } };
    const answer = await api(operation.method, path, options);
    expect([operation.name, answer.status < 300]).toEqual([operation.name, true]);
    await expect.poll(() => eventOf(id)).toBeDefined();
    expect([operation.name, eventOf(id).db_round_trips <= 1]).toEqual([operation.name, true]);
  }
});

test("pages are shown", async () => {
  const { json } = await api("POST", "/api/v1/books", { body: newBook({ title: "Flatland" }) });
  for (const path of ["/", `/books/${json.isbn}-flatland`, "/sitemap.xml"]) {
    const response = await fetch(worker.url + path, { headers: { Accept: "text/html" } });
    expect([path, response.status]).toEqual([path, 200]);
    expect(await response.text()).toContain(path === "/sitemap.xml" ? "<sitemap>" : "Flatland");
  }
});

test("requests at once have connections of their own, and leave none open", async () => {
  const { json } = await api("POST", "/api/v1/books", { body: newBook({ stock: 50 }) });
  const path = `/api/v1/books/${json.id}`;
  const sales = Array.from({ length: 60 }, () => api("POST", `${path}/stock`, { body: { delta: -1 } }));
  const statuses = (await Promise.all(sales)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(50);
  expect(statuses.filter((status) => status === 409)).toHaveLength(10);
  expect((await api("GET", path)).json.stock).toBe(0);
  const open = () =>
    database.sql(
      "select from pg_stat_activity where application_name = 'octavo' and datname = current_database()",
    );
  await expect.poll(open, { timeout: 10_000 }).toHaveLength(0);
  // The runtime would complain about connections that outlive their request.
  expect(worker.logs().filter((line) => !line.startsWith('{"event":"request"'))).toEqual([]);
});

test("a keyed request has its effect once", async () => {
  const options = { body: newBook(), headers: { "Idempotency-Key": "once" } };
  const first = await api("POST", "/api/v1/books", options);
  const again = await api("POST", "/api/v1/books", options);
  expect([again.status, again.text]).toEqual([201, first.text]);
  expect(again.headers.get("Idempotency-Replayed")).toBe("true");
});

test("a database that is away is 503", async () => {
  const away = new URL(database.url);
  away.port = "9";
  const { url } = await startOn(away.href);
  const response = await fetch(`${url}/api/v1/books`);
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ error: "database_unavailable" });
});
