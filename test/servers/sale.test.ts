/** A sale with more clients than books, through two servers on one database, over connections that break. */
import { randomInt } from "node:crypto";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { beforeAll, expect, onTestFailed, test } from "vitest";
import { newBook } from "../support/books.ts";
import { type Answer, type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type Link, startProxy, type TcpProxy } from "../support/proxy.ts";
import { startServer, type TestServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const STOCK = 100;
const CLIENTS = 1000;
/** The number of clients that send each request to both servers at once. */
const IMPATIENT = 100;
/** The number of connections of both servers to the database. */
const POOLED = 20;
const PAUSE_MS = 20;

/** The seed of the random breaks: `SEED=… npm test -- sale` repeats a run. */
const SEED = Number(process.env.SEED ?? randomInt(2 ** 31));

/** Breaks a connection after so many bytes in one direction. */
interface Break {
  there?: number;
  back?: number;
  reset: boolean;
}

/** Breaks within the first bytes of either direction. */
const within = (bytes: { there: number; back: number }): fc.Arbitrary<Break> =>
  fc.oneof(
    fc.record({ there: fc.nat(bytes.there), reset: fc.boolean() }),
    fc.record({ back: fc.nat(bytes.back), reset: fc.boolean() }),
  );

/** Connections that break at random once the storm begins. */
class Network {
  storm = false;
  broken = 0;
  readonly #breaks: (Break | undefined)[];

  constructor(breaks: fc.Arbitrary<Break | undefined>) {
    this.#breaks = fc.sample(breaks, { seed: SEED, numRuns: 10 * CLIENTS });
  }

  readonly join = ({ near, far, cut }: Link): void => {
    const drawn = this.storm ? this.#breaks.pop() : undefined;
    const end = () => {
      this.broken++;
      for (const socket of [near, far]) {
        socket.removeAllListeners("data");
        if (drawn?.reset) socket.resetAndDestroy();
      }
      cut();
    };
    pass(near, far, drawn?.there, end);
    pass(far, near, drawn?.back, end);
  };
}

/** Forwards data up to a number of bytes. */
function pass(from: Socket, to: Socket, bytes = Number.POSITIVE_INFINITY, end: () => void): void {
  let left = bytes;
  from.on("data", (data) => {
    to.write(data.subarray(0, left));
    left -= data.length;
    if (left < 0) end();
  });
}

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

/** Requests one book until a response arrives, from the servers in turn, always with the same key. */
async function buy(id: string, key: string, server: number): Promise<Answer> {
  const headers = { "Idempotency-Key": key };
  for (let at = server; ; at++) {
    const api = apis[at % apis.length] as Client;
    try {
      const answer = await api("POST", `/api/v1/books/${id}/stock`, { body: { delta: -1 }, headers });
      const { error } = answer.json;
      if (error !== "database_unavailable" && error !== "idempotency_in_progress") return answer;
    } catch (error) {
      if (!(error as Error).message.includes("got no complete response")) throw error;
    }
    await sleep(PAUSE_MS);
  }
}

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
  const events = servers.flatMap(({ logs }) => logs().map((line) => JSON.parse(line)));
  const failed = events.filter(({ status }) => status >= 500);
  expect(failed.filter(({ problem }) => problem !== "database_unavailable")).toEqual([]);
  // A break fails only the requests on its connection.
  expect(failed.length).toBeLessThanOrEqual(toDatabase.broken);
});
