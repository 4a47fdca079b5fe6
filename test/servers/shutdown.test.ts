/** How servers stop: they lose no request, and leave nothing open. */
import { once } from "node:events";
import { Agent, get } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { launch, type ServerProcess, type Variables } from "../support/servers.ts";

const IDLE = 200;
const UNDER_WAY = 50;

let database: TestDatabase;
const started: ServerProcess[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const server of started.splice(0)) await server.end("SIGKILL");
});

describe.each(["node", "bun"] as const)("%s", (runtime) => {
  async function start(variables: Variables = {}) {
    const server = launch(runtime, { DATABASE_URL: database.url, ...variables });
    started.push(server);
    return { server, url: await server.url };
  }

  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s stops the server once every response is out",
    async (signal) => {
      const { server, url } = await start({ DATABASE_POOL_SIZE: `${UNDER_WAY}` });
      const agent = new Agent({ keepAlive: true, maxFreeSockets: IDLE });
      await Promise.all(Array.from({ length: IDLE }, () => status(`${url}/health`, agent)));
      // Idle connections and half-sent requests do not delay the shutdown.
      const silent = await open(url, "");
      const broken = await open(url, "GET /health HT");

      const release = await lockBooks();
      const answers = Array.from({ length: UNDER_WAY }, (_, at) =>
        // Equal requests would share a query.
        status(`${url}/api/v1/books?limit=${at + 1}`),
      );
      await expect.poll(database.waiting, { timeout: 10_000 }).toBe(UNDER_WAY);
      const ended = server.end(signal);
      await expect.poll(() => refused(url), { message: "connections are refused" }).toBe(true);
      await release();
      expect(await Promise.all(answers)).toEqual(Array(UNDER_WAY).fill(200));
      expect(await ended).toBe(0);
      expect(server.logs().filter((line) => line.includes('"/api/v1/books"'))).toHaveLength(UNDER_WAY);
      await expect.poll(connections).toBe(0);
      for (const client of [silent, broken, agent]) client.destroy();
    },
  );

  test("a stopping server reports that it is not ready, and serves until load balancers notice", async () => {
    const { server, url } = await start({ SHUTDOWN_DELAY_MS: "1500" });
    expect((await fetch(`${url}/ready`)).status).toBe(200);
    const ended = server.end("SIGTERM");
    await expect.poll(async () => (await fetch(`${url}/ready`)).status).toBe(503);
    const ready = await fetch(`${url}/ready`);
    expect(await ready.json()).toMatchObject({ error: "service_unavailable", status: 503 });
    expect(ready.headers.get("Retry-After")).toBe("1");
    const books = await fetch(`${url}/api/v1/books`);
    expect(books.status).toBe(200);
    expect(books.headers.get("Connection")).toBe("close");
    expect(await ended).toBe(0);
  });

  test("a second signal does not change the shutdown", async () => {
    const { server, url } = await start();
    const release = await lockBooks();
    const answer = status(`${url}/api/v1/books`);
    await expect.poll(database.waiting).toBe(1);
    const ended = server.end("SIGINT");
    await expect.poll(() => refused(url), { message: "connections are refused" }).toBe(true);
    server.child.kill("SIGINT");
    await sleep(100);
    await release();
    expect(await answer).toBe(200);
    expect(await ended).toBe(0);
  });

  test("the server stops waiting for a response after its deadline", async () => {
    const { server, url } = await start({ REQUEST_TIMEOUT_MS: "500" });
    const release = await lockBooks();
    const answer = status(`${url}/api/v1/books`);
    await expect.poll(database.waiting).toBe(1);
    const ended = server.end("SIGTERM");
    expect(await answer).toBe(503);
    expect(await ended).toBe(0);
    await release();
  });
});

/** The status of a response whose body is complete. */
function status(url: string, agent?: Agent): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(url, agent ? { agent } : {}, (response) => {
      response.resume().on("end", () => resolve(response.complete ? response.statusCode : undefined));
    }).on("error", reject);
  });
}

async function open(url: string, text: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {}).resume();
  await once(socket, "connect");
  socket.write(text);
  return socket;
}

const refused = (url: string) =>
  open(url, "").then(
    (socket) => {
      socket.destroy();
      return false;
    },
    () => true,
  );

/** Blocks all requests for books, and resolves to a function that releases them. */
const lockBooks = () => database.hold("lock table books in access exclusive mode");

/** The number of the servers' database connections. */
async function connections(): Promise<number> {
  const [row] = await database.sql<{ count: number }>(
    "select count(*)::int from pg_stat_activity where datname = current_database() and application_name = 'octavo'",
  );
  return row?.count ?? 0;
}
