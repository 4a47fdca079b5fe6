/** Clients that go before they are answered: Postgres stops working for them, and everybody else is served. */
import { request } from "node:http";
import { beforeAll, describe, expect, test } from "vitest";
import { createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { metricsOf } from "../support/events.ts";
import { type Link, startProxy } from "../support/proxy.ts";
import { launchServer, type ServerProcess } from "../support/servers.ts";
import { SECRET } from "../support/token.ts";

const PATIENCE = { timeout: 20_000 };
/** Reads that wait for a lock of the books, each in another lane. */
const READS = [
  "/api/v1/books",
  "/api/v1/books?count=exact",
  "/api/v1/books?search=dune",
  "/api/v1/books?min_price=1&sort=title",
  "/",
];

// On Workers, the platform ends the request, and with it the connection to Neon.
describe.each(["node", "bun"] as const)("%s", (runtime) => {
  let database: TestDatabase;
  let server: ServerProcess;
  let url: string;
  let links: ReadonlySet<Link>;
  /** Connections to Postgres from which nothing comes any more. */
  const silent = new WeakSet<Link>();

  beforeAll(async () => {
    database = await createTestDatabase();
    // Nothing else ends the statements.
    await database.alter("set statement_timeout = 0");
    const proxy = await startProxy(database.url, {
      join(link) {
        link.near.pipe(link.far);
        link.far.on("data", (data) => silent.has(link) || link.near.write(data));
      },
    });
    links = proxy.links;
    server = launchServer(runtime, {
      AUTH_SECRET: SECRET,
      DATABASE_URL: proxy.url,
      DATABASE_POOL_SIZE: "2",
      METRICS_PORT: "0",
      REQUEST_TIMEOUT_MS: "60000",
    });
    url = await server.url;
  });

  /** Sends a request, and resolves to a function that goes before the response. */
  const ask = (path: string) => {
    const asked = request(url + path, { headers: { Accept: "*/*" } }).on("error", () => {});
    asked.end();
    return () => asked.destroy();
  };
  const waiting = (sessions: number) => expect.poll(database.waiting, PATIENCE).toBe(sessions);

  test.each(READS)(
    "GET %s is cancelled once its client has gone, and its connection is replaced",
    async (path) => {
      const release = await database.hold("lock table books in access exclusive mode");
      // More often than there are connections.
      for (let round = 0; round < 3; round++) {
        const leave = ask(path);
        await waiting(1);
        leave();
        await waiting(0);
      }
      await release();
      expect((await fetch(url + path)).status).toBe(200);
    },
  );

  const metric = async (name: string) => (await metricsOf(server))[`octavo_${name}`] ?? 0;

  test("reads that wait for a connection are never sent once their clients have gone", async () => {
    const release = await database.hold("lock table books in access exclusive mode");
    // Of two connections, one may search.
    const paths = ["one", "two", "three"].map((word) => `/api/v1/books?search=${word}`);
    const leaving = [ask(paths[0] as string)];
    await waiting(1);
    leaving.push(...paths.flatMap((path) => [ask(path), ask(path)]));
    // Equal reads wait together.
    await expect.poll(() => metric("lane_joined_total"), PATIENCE).toBeGreaterThanOrEqual(3);
    await expect.poll(() => metric("lane_waiting"), PATIENCE).toBe(2);
    const sent = await metric("lane_started_total");
    for (const leave of leaving) leave();
    await expect.poll(() => metric("lane_waiting"), PATIENCE).toBe(0);
    await waiting(0);
    await release();
    expect(await metric("lane_started_total")).toBe(sent);
    expect((await fetch(url + paths[1])).status).toBe(200);
  });

  test("connections that have gone silent are replaced as their clients go", async () => {
    const path = `${url}/api/v1/books?search=silence`;
    expect((await fetch(path)).status).toBe(200);
    const before = [...links];
    for (const link of before) silent.add(link);
    const patient = () => fetch(path, { signal: AbortSignal.timeout(500) }).catch(() => undefined);
    await expect.poll(async () => (await patient())?.status, PATIENCE).toBe(200);
    await expect.poll(() => before.filter((link) => links.has(link)), PATIENCE).toEqual([]);
  });

  test("a read that others wait for goes on", async () => {
    const release = await database.hold("lock table books in access exclusive mode");
    const leave = ask("/api/v1/books?limit=7");
    await waiting(1);
    const api = await createClient(url);
    const kept = api("GET", "/api/v1/books?limit=7");
    leave();
    await release();
    expect((await kept).status).toBe(200);
  });

  test("the log tells that the client had gone, and of no failure", async () => {
    const release = await database.hold("lock table books in access exclusive mode");
    const leave = ask("/api/v1/books?limit=9");
    await waiting(1);
    const before = server.logs().length;
    leave();
    await waiting(0);
    await release();
    const events = () =>
      server
        .logs()
        .slice(before)
        .map((line) => JSON.parse(line));
    await expect.poll(events, PATIENCE).toMatchObject([{ status: 499, level: "warn", client_gone: true }]);
    expect(events()[0]).not.toHaveProperty("error");
  });
});
