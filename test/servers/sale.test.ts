/** Sales with more clients than books, through two servers on one database, over connections that break. */
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { beforeAll, expect, onTestFailed, test } from "vitest";
import { isbnOf, newBook } from "../support/books.ts";
import { type Answer, type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { Network, SEED, within } from "../support/network.ts";
import { startProxy, type TcpProxy } from "../support/proxy.ts";
import { startServer, type TestServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const STOCK = 100;
const CLIENTS = 1000;
/** The number of clients that send each request to both servers at once. */
const IMPATIENT = 100;
/** The number of connections of both servers to the database. */
const POOLED = 20;
const PAUSE_MS = 20;

/** Breaks a tenth of the clients' connections, most within the first request and its response. */
const toServers = new Network(
  fc.oneof(
    { weight: 9, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: within({ there: 600, back: 1000 }) },
  ),
);
/** Breaks all of the servers' connections, each within about twenty requests. */
const toDatabase = new Network(within({ there: 50_000, back: 12_000 }));

let database: TestDatabase;
const servers: TestServer[] = [];
const proxies: TcpProxy[] = [];
const apis: Client[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  const { url } = await startProxy(database.url, toDatabase);
  for (const runtime of ["node", "bun"] as const) {
    const server = await startServer(runtime, database, {
      // A busy machine must not cause timeouts.
      DATABASE_URL: `${url}?options=-c%20statement_timeout%3D0`,
      REQUEST_TIMEOUT_MS: "60000",
      DATABASE_POOL_SIZE: `${POOLED / 2}`,
      AUTH_SECRET: SECRET,
    });
    const proxy = await startProxy(server.url, toServers);
    servers.push(server);
    proxies.push(proxy);
    apis.push(await createClient(proxy.url, await tokenFor("editor")));
  }
});

/** Sends a request until a response arrives, to the servers in turn, always with the same key. */
async function insist(path: string, body: object, key: string, server: number): Promise<Answer> {
  const headers = { "Idempotency-Key": key };
  for (let at = server; ; at++) {
    const api = apis[at % apis.length] as Client;
    try {
      const answer = await api("POST", path, { body, headers });
      const { error } = answer.json;
      if (error !== "database_unavailable" && error !== "idempotency_in_progress") return answer;
    } catch (error) {
      if (!(error as Error).message.includes("got no complete response")) throw error;
    }
    await sleep(PAUSE_MS);
  }
}

const buy = (id: string, key: string, server: number) =>
  insist(`/api/v1/books/${id}/stock`, { delta: -1 }, key, server);

/** Sends the request to both servers at once, and expects the same response. */
async function buyImpatiently(id: string, key: string): Promise<Answer> {
  const [one, other] = await Promise.all([buy(id, key, 0), buy(id, key, 1)]);
  expect(other.status).toBe(one.status);
  if (one.status === 200)
    expect([other.text, other.headers.get("ETag")]).toEqual([one.text, one.headers.get("ETag")]);
  return one;
}

test("1,000 clients buy 100 books, at most one each, although connections break", {
  timeout: 60_000,
}, async () => {
  onTestFailed(() => console.error(`SEED=${SEED} draws the same breaks.`));
  const [api] = apis as [Client];
  const { id } = (await api("POST", "/api/v1/books", { body: newBook({ stock: STOCK }) })).json;

  // All clients arrive while another transaction locks the book.
  const release = await database.hold("select from books where id = $1 for update", [id]);
  toServers.storm = true;
  toDatabase.storm = true;
  const sale = Promise.all(
    Array.from({ length: CLIENTS }, (_, client) =>
      client < IMPATIENT ? buyImpatiently(id, `${client}`) : buy(id, `${client}`, client),
    ),
  );
  await expect.poll(database.waiting, { timeout: 20_000 }).toBeGreaterThanOrEqual(POOLED / 2);
  await expect
    .poll(() => proxies.reduce((sum, { links }) => sum + links.size, 0), { timeout: 20_000 })
    .toBeGreaterThan(CLIENTS * 0.9);
  await release();
  const answers = await sale;

  const down = Array.from({ length: STOCK }, (_, sold) => STOCK - 1 - sold);
  const sold = answers.filter(({ status }) => status === 200);
  expect(sold.map(({ json }) => json.stock).sort((a, b) => b - a)).toEqual(down);
  const refused = answers.filter(({ json }) => json.error === "insufficient_stock");
  expect(refused.map(({ json }) => json.available)).toEqual(Array(CLIENTS - STOCK).fill(0));

  expect(await database.sql("select stock from books")).toEqual([{ stock: 0 }]);
  expect(
    await database.sql("select delta, stock_after from stock_movements order by created_at, id"),
  ).toEqual([
    { delta: STOCK, stock_after: STOCK },
    ...down.map((stock_after) => ({ delta: -1, stock_after })),
  ]);
  expect(await database.sql("select from idempotency_keys")).toHaveLength(STOCK);

  expect(toServers.broken).toBeGreaterThan(CLIENTS / 50);
  expect(toDatabase.broken).toBeGreaterThan(CLIENTS / 50);
  expectNoFailures();
});

/** The servers failed no request but those on connections that broke. */
function expectNoFailures(): void {
  const events = servers.flatMap(({ logs }) => logs().map((line) => JSON.parse(line)));
  const failed = events.filter(({ status }) => status >= 500);
  expect(failed.filter(({ problem }) => problem !== "database_unavailable")).toEqual([]);
  expect(failed.filter((event) => JSON.stringify(event).includes("deadlock"))).toEqual([]);
  // A break fails only the requests on its connection.
  expect(failed.length).toBeLessThanOrEqual(toDatabase.broken);
}

const TITLES = 20;
const BUYERS = 200;
const RECEIPTS = 5;

/** A receipt of some of the books, in any order and by either name, with quantities. */
const receipt = fc
  .shuffledSubarray([...Array(TITLES).keys()], { minLength: 1, maxLength: 8 })
  .chain((books) =>
    fc.tuple(
      ...books.map((book) => fc.record({ book: fc.constant(book), byId: fc.boolean(), taken: fc.nat(2) })),
    ),
  );

test("200 clients sell random receipts of 20 books, all or nothing, although connections break", {
  timeout: 120_000,
}, async () => {
  onTestFailed(() => console.error(`SEED=${SEED} draws the same receipts.`));
  const books = await database.sql<{ id: string; isbn: string }>(
    `insert into books (title, author, isbn, price, stock)
     select 'Dune', 'Frank Herbert', isbn, 9.99, $2 from unnest($1::text[]) as isbn returning id, isbn`,
    [Array.from({ length: TITLES }, (_, at) => isbnOf(at)), STOCK],
  );
  const receipts = fc.sample(receipt, { seed: SEED, numRuns: BUYERS * RECEIPTS });
  toServers.storm = true;
  toDatabase.storm = true;
  const brokenBefore = toDatabase.broken;
  const sold = Array<number>(TITLES).fill(0);
  await Promise.all(
    Array.from({ length: BUYERS }, async (_, buyer) => {
      for (const [at, lines] of receipts.slice(buyer * RECEIPTS, (buyer + 1) * RECEIPTS).entries()) {
        const body = {
          reference: `receipt-${buyer}-${at}`,
          lines: lines.map(({ book, byId, taken }) => ({
            ...(byId ? { id: books[book]?.id } : { isbn: books[book]?.isbn }),
            delta: -taken - 1,
          })),
        };
        const { status, json } = await insist("/api/v1/stock", body, body.reference, buyer);
        if (status === 409) {
          for (const { line, available } of json.lines)
            expect(available).toBeLessThan((lines[line]?.taken ?? 0) + 1);
          continue;
        }
        expect(status).toBe(200);
        for (const { book, taken } of lines) sold[book] = (sold[book] ?? 0) + taken + 1;
      }
    }),
  );

  const rows = await database.sql<{ stock: number; sum: number; receipts: number; sales: number }>(
    `select stock, sum(delta)::int as sum, count(distinct reference)::int as receipts,
       count(reference)::int as sales
     from unnest($1::uuid[]) with ordinality as wanted (id, at) join books using (id) join stock_movements on book_id = books.id
     group by at, books.id order by at`,
    [books.map(({ id }) => id)],
  );
  expect(rows.map(({ stock }) => STOCK - stock)).toEqual(sold);
  expect(rows.map(({ sum }) => STOCK - sum)).toEqual(sold);
  // No receipt took a book twice.
  expect(rows.map(({ receipts }) => receipts)).toEqual(rows.map(({ sales }) => sales));
  expect(toDatabase.broken - brokenBefore).toBeGreaterThan(POOLED);
  expect(sold.reduce((sum, books) => sum + books)).toBeGreaterThan((TITLES * STOCK) / 2);
  expect(
    await database.sql("select deadlocks::int from pg_stat_database where datname = current_database()"),
  ).toEqual([{ deadlocks: 0 }]);
  expectNoFailures();
});
