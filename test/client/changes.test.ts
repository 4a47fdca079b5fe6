/** The client's feed: cursors to go on with, waiting, outages, and how it ends. */
import { beforeAll, expect, test } from "vitest";
import {
  type Client,
  type ClientOptions,
  createClient,
  type FollowedChange,
  ResponseError,
} from "../../src/client/index.ts";
import { newBook } from "../support/books.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";
import { rowsOf } from "../support/walk.ts";

let database: TestDatabase;
let url: string;
let client: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  ({ url } = await startServer("node", database, { AUTH_SECRET: SECRET }));
  client = createClient(url, { token: await tokenFor("editor") });
});

const add = async () => (await client.books.create(newBook() as never)).data;
const all = (since?: string, options: ClientOptions = {}) =>
  rowsOf(createClient(url, options).changes({ since, limit: 2 }, { wait: false }));
const isbnsOf = (changes: FollowedChange[]) => changes.map(({ isbn }) => isbn);

test("without waiting, it ends once the copy is complete", async () => {
  const books = [await add(), await add(), await add()];
  const changes = await all();
  expect(isbnsOf(changes)).toEqual(books.map(({ isbn }) => isbn));
  expect(changes.map(({ book }) => book)).toEqual(books);
});

test("the cursor of each change leads on without a gap", async () => {
  for (let number = 0; number < 5; number++) await add();
  const changes = await all();
  expect(changes[0]?.cursor).toBeUndefined();
  for (const [at, { cursor }] of changes.entries()) {
    const rest = isbnsOf(await all(cursor));
    const missing = isbnsOf(changes).slice(at + 1);
    expect(rest.slice(rest.length - missing.length)).toEqual(missing);
  }
  const { next_cursor, more } = await client.changes({ since: changes.at(-1)?.cursor }).page();
  expect(more).toBe(false);
  const { isbn } = await add();
  expect(isbnsOf(await all(next_cursor))).toEqual([isbn]);
});

test("it waits for changes, through an outage longer than all retries, until its signal aborts", async () => {
  const since = (await all()).at(-1)?.cursor;
  let isDown = false;
  const fetch: ClientOptions["fetch"] = async (url, init) => {
    if (isDown) throw new TypeError("fetch failed");
    return globalThis.fetch(url, init);
  };
  const controller = new AbortController();
  const options = { signal: controller.signal, interval: 20 };
  const feed = createClient(url, { fetch, retries: 0 }).changes({ since }, options)[Symbol.asyncIterator]();
  const first = feed.next();
  const { isbn } = await add();
  expect((await first).value.isbn).toBe(isbn);
  isDown = true;
  const second = feed.next();
  const other = await add();
  await new Promise((resolve) => setTimeout(resolve, 300));
  isDown = false;
  expect((await second).value.isbn).toBe(other.isbn);
  const third = feed.next();
  controller.abort(new Error("enough"));
  await expect(third).rejects.toThrow("enough");
});

test("while nothing changes, it asks less and less often", async () => {
  const since = (await all()).at(-1)?.cursor;
  const times: number[] = [];
  const fetch: ClientOptions["fetch"] = (url, init) => {
    times.push(performance.now());
    return globalThis.fetch(url, init);
  };
  const signal = AbortSignal.timeout(1500);
  const feed = createClient(url, { fetch }).changes({ since }, { signal, interval: 20 });
  await expect(rowsOf(feed)).rejects.toThrow();
  // 20 ms twice as long each time, and at most 30 times as long.
  expect(times.length).toBeGreaterThan(3);
  expect(times.length).toBeLessThan(12);
});

test.each([true, false])("it rejects what no repetition helps, wait: %s", async (wait) => {
  const since = (await all()).at(-1)?.cursor;
  await expect(rowsOf(client.changes({ since: "x" }, { wait }))).rejects.toMatchObject({
    error: "invalid_cursor",
  });
  await database.sql("update book_feed set epoch = default");
  await expect(rowsOf(client.changes({ since }, { wait }))).rejects.toMatchObject({
    error: "cursor_expired",
  });
  const fetch = async () => Response.json({ data: [] });
  await expect(rowsOf(createClient(url, { fetch }).changes({}, { wait }))).rejects.toThrow(ResponseError);
  const down = async () => Promise.reject(new TypeError("fetch failed"));
  if (!wait)
    await expect(
      rowsOf(createClient(url, { fetch: down, retries: 0 }).changes({}, { wait })),
    ).rejects.toMatchObject({ name: "ConnectionError" });
});
