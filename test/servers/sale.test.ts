/** A sale: more clients than there are books, through two servers on one database, over connections that break. */
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
/** So many clients have no patience, and ask both servers at once. */
const IMPATIENT = 100;
/** Connections of both servers to the database. */
const POOLED = 20;
const PAUSE_MS = 20;

/** What breaks are drawn from: `SEED=… npm test -- sale` draws the same ones again. */
const SEED = Number(process.env.SEED ?? randomInt(2 ** 31));

/** A connection breaks when so many bytes have gone there, or come back. */
interface Break {
  there?: number;
  back?: number;
  reset: boolean;
}

/** Breaks at any of the first bytes of either way. */
const within = (bytes: { there: number; back: number }): fc.Arbitrary<Break> =>
  fc.oneof(
    fc.record({ there: fc.nat(bytes.there), reset: fc.boolean() }),
    fc.record({ back: fc.nat(bytes.back), reset: fc.boolean() }),
  );

/** Connections that break as it was drawn for them, once there is a storm. */
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

/** Passes data on, up to so many bytes. */
function pass(from: Socket, to: Socket, bytes = Number.POSITIVE_INFINITY, end: () => void): void {
  let left = bytes;
  from.on("data", (data) => {
    to.write(data.subarray(0, left));
    left -= data.length;
    if (left < 0) end();
  });
}

/** A tenth of the clients' connections breaks, most within the first request and its answer. */
const toServers = new Network(
  fc.oneof(
    { weight: 9, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: within({ there: 600, back: 1000 }) },
  ),
);
/** All of the servers' connections do, within some twenty requests. */
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
      // What takes long on a busy machine is no fault here.
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

/** Asks for one book until there is an answer, one server after the other, always with the same key. */
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

/** Asks both servers at once, and gets the same answer. */
async function buyImpatiently(id: string, key: string): Promise<Answer> {
  const [one, other] = await Promise.all([buy(id, key, 0), buy(id, key, 1)]);
  expect(other.status).toBe(one.status);
  if (one.status === 200)
    expect([other.text, other.headers.get("ETag")]).toEqual([one.text, one.headers.get("ETag")]);
  return one;
}

test("of 100 books, 1,000 clients get 100, each of them one", { timeout: 60_000 }, async () => {
  onTestFailed(() => console.error(`SEED=${SEED} draws the same breaks.`));
  const [api] = apis as [Client];
  const { id } = (await api("POST", "/api/v1/books", { body: newBook({ stock: STOCK }) })).json;

  // While somebody else has the book, they all come.
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
    .poll(() => proxies.reduce((sum, { links }) => sum + links.size, 0))
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
  // A break costs no more than the request that it is under.
  expect(failed.length).toBeLessThanOrEqual(toDatabase.broken);
});
