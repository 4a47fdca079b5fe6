/** Quotas that Durable Objects count: exact under concurrency, kept while the Worker is down, and gone with their window. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rawRequest } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startWorker, type TestWorker } from "../support/worker.ts";

const QUOTA = 100;
/** It counts, and sends no query to the database. */
const INVALID = "/api/v1/books?limit=0";

let database: TestDatabase;
let directory: string;
let config: string;
let worker: TestWorker;

beforeAll(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), "octavo-quotas-"));
  config = await configWithObjects();
  worker = await start();
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Writes wrangler.toml with the lines that bind Durable Objects, and returns its path. */
async function configWithObjects(): Promise<string> {
  const text = await readFile("wrangler.toml", "utf8");
  const lines = /^# (?=\[\[durable_objects)(?:#.*\n|# .*\n|.*\n)*?(?=\n)/m;
  const [commented = ""] = text.match(lines) ?? [];
  expect(commented).toContain("new_sqlite_classes");
  const path = join(directory, "wrangler.toml");
  const copy = text.replace(commented, commented.replaceAll(/^# ?/gm, ""));
  await writeFile(path, copy.replace("dist/assets", resolve("dist/assets")));
  return path;
}

const start = (variables: Record<string, string> = {}, objects = "objects") =>
  startWorker(
    database,
    { RATE_LIMIT: `${QUOTA}/60`, EDGE_CACHE_SECONDS: "600", ...variables },
    { config, storage: join(directory, objects) },
  );

let addresses = 0;
const newAddress = () => `198.18.2.${addresses++}`;

const ask = (address: string, path = INVALID, { url } = worker) =>
  rawRequest(url, { path, headers: { "CF-Connecting-IP": address } });

const remainingOf = ({ headers }: { headers: Headers }) =>
  Number(headers.get("RateLimit")?.match(/^"default";r=(\d+);t=\d+$/)?.[1]);

test("of 500 requests at once, exactly as many as the quota are admitted", async () => {
  const address = newAddress();
  const answers = await Promise.all(Array.from({ length: 500 }, () => ask(address)));
  const admitted = answers.filter(({ status }) => status === 422);
  const refused = answers.filter(({ status }) => status === 429);
  expect([admitted.length, refused.length]).toEqual([QUOTA, 400]);
  const numbers = admitted.map(remainingOf).sort((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: QUOTA }, (_, at) => at));
  for (const { headers } of refused) {
    expect(headers.get("RateLimit-Policy")).toBe(`"default";q=${QUOTA};w=60`);
    expect(headers.get("RateLimit")).toMatch(/^"default";r=0;t=\d+$/);
    expect(Number(headers.get("Retry-After"))).toBeLessThanOrEqual(60);
  }
});

test("clients have windows of their own, and replies from the cache count", async () => {
  const [one, other] = [newAddress(), newAddress()];
  await expect.poll(async () => (await ask(one, "/api/v1/books")).headers.get("Age")).not.toBeNull();
  const before = remainingOf(await ask(one, "/api/v1/books"));
  const after = await ask(one, "/api/v1/books");
  expect([after.headers.has("Age"), remainingOf(after)]).toEqual([true, before - 1]);
  expect(remainingOf(await ask(other))).toBe(QUOTA - 1);
});

test("an object that leaves memory in mid-window keeps its count", async () => {
  const address = newAddress();
  const first = await start({}, "restarted");
  for (let request = 0; request < 3; request++) await ask(address, INVALID, first);
  await first.stop();
  const second = await start({}, "restarted");
  expect(remainingOf(await ask(address, INVALID, second))).toBe(QUOTA - 4);
  expect(remainingOf(await ask(newAddress(), INVALID, second))).toBe(QUOTA - 1);
});

test("a window that is over leaves nothing in storage", async () => {
  const short = await start({ RATE_LIMIT: "2/10" }, "short");
  const address = newAddress();
  const statuses = [];
  for (let request = 0; request < 3; request++) statuses.push((await ask(address, INVALID, short)).status);
  expect(statuses).toEqual([422, 422, 429]);
  expect(await rowsIn("short")).toBeGreaterThan(0);
  await expect.poll(() => rowsIn("short"), { timeout: 30_000 }).toBe(0);
  expect((await ask(address, INVALID, short)).status).toBe(422);
});

/** How many values the objects of a folder keep. */
async function rowsIn(objects: string): Promise<number> {
  const files = await readdir(join(directory, objects), { recursive: true });
  const counts = files
    .filter((file) => /[0-9a-f]{64}\.sqlite$/.test(file))
    .map((file) => {
      const storage = new DatabaseSync(join(directory, objects, file), { readOnly: true });
      try {
        const [table] = storage.prepare("select name from sqlite_master where name = '_cf_KV'").all();
        return table ? storage.prepare("select key from _cf_KV").all().length : 0;
      } finally {
        storage.close();
      }
    });
  return counts.reduce((sum, count) => sum + count, 0);
}

test("while objects fail, the approximate binding counts, and the log tells why", async () => {
  // The binding is a Worker, this one, which has no objects.
  const overrides = { serviceBindings: { RATE_LIMITER_DO: "octavo" }, durableObjects: {} };
  const failing = await startWorker(database, { RATE_LIMIT: "600/60" }, { overrides });
  const answer = await ask(newAddress(), INVALID, failing);
  expect([answer.status, answer.headers.has("RateLimit")]).toEqual([422, false]);
  await expect
    .poll(() => failing.logs().some((line) => /"level":"warn".*"error":\{"name"/.test(line)))
    .toBe(true);
});
