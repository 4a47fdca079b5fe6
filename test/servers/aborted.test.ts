/** Clients that go before they are answered: Postgres stops working for them, and everybody else is served. */
import { request } from "node:http";
import { beforeAll, describe, expect, test } from "vitest";
import { createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startServer, type TestServer } from "../support/servers.ts";
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
  let server: TestServer;

  beforeAll(async () => {
    database = await createTestDatabase();
    // Nothing else ends the statements.
    await database.alter("set statement_timeout = 0");
    const variables = { AUTH_SECRET: SECRET, REQUEST_TIMEOUT_MS: "60000", DATABASE_POOL_SIZE: "4" };
    server = await startServer(runtime, database, variables);
  });

  /** Sends a request, and resolves to a function that goes before the response. */
  const ask = (path: string) => {
    const asked = request(server.url + path, { headers: { Accept: "*/*" } }).on("error", () => {});
    asked.end();
    return () => asked.destroy();
  };
  const waiting = (sessions: number) => expect.poll(database.waiting, PATIENCE).toBe(sessions);

  test.each(READS)(
    "GET %s is cancelled once its client has gone, and its connection is replaced",
    async (path) => {
      const release = await database.hold("lock table books in access exclusive mode");
      // More often than there are connections.
      for (let round = 0; round < 5; round++) {
        const leave = ask(path);
        await waiting(1);
        leave();
        await waiting(0);
      }
      await release();
      expect((await fetch(server.url + path)).status).toBe(200);
    },
  );

  test("a read that others wait for goes on", async () => {
    const release = await database.hold("lock table books in access exclusive mode");
    const leave = ask("/api/v1/books?limit=7");
    await waiting(1);
    const api = await createClient(server.url);
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
