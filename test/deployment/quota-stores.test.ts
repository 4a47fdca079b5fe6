/** Quotas that several servers count together: they are exact in sum, and go on in memory while their store is away. */
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { eventsOf, metricsOf } from "../support/events.ts";
import { freePort } from "../support/port.ts";
import { NO_REDIS, RedisServer } from "../support/redis.ts";
import { launchServer, type ServerProcess, type Variables } from "../support/servers.ts";

const PASSWORD = "hidden";

let database: TestDatabase;
let redis: RedisServer;
let clients = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  redis = new RedisServer(await freePort(), PASSWORD);
});

/** A server whose window outlasts the test, and that waits long for its store on a busy machine. */
const start = (runtime: "node" | "bun", variables: Variables): ServerProcess =>
  launchServer(runtime, {
    DATABASE_URL: database.url,
    TRUSTED_PROXY_HOPS: "1",
    REQUEST_TIMEOUT_MS: "60000",
    METRICS_PORT: "0",
    ...variables,
  });

/** Makes a client with an address of its own, which sends requests that need no database, and reads its quota. */
function newClient() {
  const address = `192.0.2.${++clients}`;
  return async (server: ServerProcess) => {
    const headers = { "X-Forwarded-For": address };
    const response = await fetch(`${await server.url}/api/v1/books?limit=0`, { headers });
    await response.text();
    const [, remaining] = response.headers.get("RateLimit")?.match(/^"default";r=(\d+);t=\d+$/) ?? [];
    return { status: response.status, remaining: Number(remaining) };
  };
}

const changesOf = (server: ServerProcess) => eventsOf(server, "rate_limit_store").map(({ up }) => up);

describe.each([
  ["redis", NO_REDIS],
  ["postgres", undefined],
])("%s", (name, reason) => {
  let servers: ServerProcess[];

  beforeAll(async () => {
    if (reason) return;
    if (name === "redis") await redis.start();
    const RATE_LIMIT_STORE = name === "redis" ? redis.url : name;
    const variables = { RATE_LIMIT: "600/9999", RATE_LIMIT_STORE };
    servers = [start("node", variables), start("bun", { ...variables, DATABASE_TRANSPORT: "http" })];
    await Promise.all(servers.map(({ url }) => url));
  });

  test.skipIf(reason)(
    "a quota of 600 is 600 on two servers together, and each tells what remains",
    async () => {
      const send = newClient();
      const seen: { status: number; remaining: number }[] = [];
      let sent = 0;
      const one = async () => {
        while (sent < 650) seen.push(await send(servers[sent++ % 2] as ServerProcess));
      };
      await Promise.all(Array.from({ length: 16 }, one));
      const admitted = seen.filter(({ status }) => status === 422).map(({ remaining }) => remaining);
      expect(admitted.sort((a, b) => a - b)).toEqual(Array.from({ length: 600 }, (_, at) => at));
      expect(seen.filter(({ status }) => status === 429)).toHaveLength(50);
      // Another client is not concerned.
      expect(await newClient()(servers[0] as ServerProcess)).toEqual({ status: 422, remaining: 599 });
      for (const server of servers) {
        expect(changesOf(server)).toEqual([]);
        expect(eventsOf(server, "request").every(({ db_round_trips }) => db_round_trips === 0)).toBe(true);
        expect(await metricsOf(server)).toMatchObject({
          octavo_rate_limit_store_up: 1,
          octavo_rate_limit_store_round_trips_total: eventsOf(server, "request").length,
          octavo_rate_limit_fallbacks_total: 0,
        });
      }
    },
  );
});

describe("postgres, by itself", () => {
  let server: ServerProcess;

  beforeAll(async () => {
    await database.sql(
      "insert into rate_limit_windows select n::text, 1, now() - interval '1 s' from generate_series(1, 2500) as n",
    );
    server = start("node", { RATE_LIMIT: "5/9999", RATE_LIMIT_STORE: "postgres" });
    await server.url;
  });

  test("windows that are over are deleted while others are counted", async () => {
    const count = async () => {
      await newClient()(server);
      return (await database.sql("select from rate_limit_windows where ends_at < now()")).length;
    };
    await expect.poll(count).toBe(0);
  });

  test("a window that is over starts anew", async () => {
    const send = newClient();
    for (const remaining of [4, 3]) expect((await send(server)).remaining).toBe(remaining);
    await database.sql("update rate_limit_windows set ends_at = now()");
    expect((await send(server)).remaining).toBe(4);
  });

  test("the quota goes on in memory while the table cannot be used", async () => {
    const send = newClient();
    for (const remaining of [4, 3]) expect((await send(server)).remaining).toBe(remaining);
    await database.sql("alter table rate_limit_windows rename to moved");
    for (const remaining of [4, 3]) expect((await send(server)).remaining).toBe(remaining);
    expect(changesOf(server)).toEqual([false]);
    await database.sql("alter table moved rename to rate_limit_windows");
    await expect.poll(() => changesOf(server), { timeout: 20_000 }).toEqual([false, true]);
    expect((await send(server)).remaining).toBe(2);
  });
});

/** Ways in which a Redis fails, with what the log says of it, and how it is mended. */
const FAILURES: [string, RegExp, (redis: RedisServer) => Promise<() => Promise<unknown>>][] = [
  [
    "is killed",
    /closed|ECONN|EPIPE/,
    async (redis) => {
      await redis.stop();
      return () => redis.start();
    },
  ],
  [
    "hangs",
    /^no answer in time$/,
    async (redis) => {
      redis.signal("SIGSTOP");
      return async () => redis.signal("SIGCONT");
    },
  ],
  [
    "is too slow to write",
    /^no answer in time$/,
    async (redis) => {
      await redis.command("CLIENT", "PAUSE", "600000", "WRITE");
      return () => redis.command("CLIENT", "UNPAUSE");
    },
  ],
  [
    "is full",
    /OOM/,
    async (redis) => {
      await redis.command("CONFIG", "SET", "maxmemory", "1");
      return () => redis.command("CONFIG", "SET", "maxmemory", "0");
    },
  ],
  [
    "is a replica that cannot be written to",
    /READONLY/,
    async (redis) => {
      await redis.command("REPLICAOF", "127.0.0.1", "1");
      return () => redis.command("REPLICAOF", "NO", "ONE");
    },
  ],
  [
    "has another password",
    /WRONGPASS|NOAUTH/,
    async (redis) => {
      await redis.command("CONFIG", "SET", "requirepass", "other");
      await redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      return () => redis.command("CONFIG", "SET", "requirepass", PASSWORD);
    },
  ],
  [
    "is a version without scripts",
    /unknown command/,
    async (redis) => {
      await redis.stop();
      await redis.start("--rename-command", "EVAL", "", "--rename-command", "EVALSHA", "");
      return async () => {
        await redis.stop();
        await redis.start();
      };
    },
  ],
  [
    "is a port that says nothing",
    /no answer in time/,
    (redis) =>
      replaced(
        redis,
        createServer(() => {}),
      ),
  ],
  [
    "is a server of HTTP",
    /RESP type/,
    (redis) =>
      replaced(
        redis,
        createHttpServer((_, response) => response.end()),
      ),
  ],
];

/** Puts another server in the place of a Redis. */
async function replaced(redis: RedisServer, server: Server) {
  await redis.stop();
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket.on("error", () => {})));
  await once(server.listen(redis.port, "127.0.0.1"), "listening");
  return async () => {
    // It has been tried.
    await vi.waitUntil(() => sockets.size > 0, { timeout: 20_000 });
    server.close();
    for (const socket of sockets) socket.destroy();
    await redis.start();
  };
}

describe.skipIf(NO_REDIS).each(["node", "bun"] as const)("a Redis that fails, on %s", (runtime) => {
  const LIMIT = 20;
  let store: RedisServer;
  let server: ServerProcess;

  beforeAll(async () => {
    store = new RedisServer(await freePort(), PASSWORD);
    server = start(runtime, { RATE_LIMIT: `${LIMIT}/9999`, RATE_LIMIT_STORE: store.url });
    await server.url;
  });

  test("a server starts without its store, and uses it when it is there", async () => {
    expect(await newClient()(server)).toEqual({ status: 422, remaining: LIMIT - 1 });
    expect(changesOf(server)).toEqual([false]);
    expect(eventsOf(server, "rate_limit_store")[0]).toMatchObject({ level: "warn", reason: /ECONNREFUSED/ });
    await store.start();
    await expect.poll(() => changesOf(server), { timeout: 20_000 }).toEqual([false, true]);
  });

  test.each(FAILURES)("the quota goes on in memory while Redis %s", async (_, reason, inflict) => {
    const send = newClient();
    for (const remaining of [19, 18]) expect((await send(server)).remaining).toBe(remaining);
    const before = eventsOf(server, "rate_limit_store").length;
    const changes = () => eventsOf(server, "rate_limit_store").slice(before);
    const mend = await inflict(store);
    // Those that wait for the store when it fails are counted as well.
    await vi.waitUntil(
      async () => {
        expect((await newClient()(server)).status).toBe(422);
        return changes().length > 0;
      },
      { timeout: 20_000 },
    );
    const { octavo_rate_limit_store_round_trips_total: trips } = await metricsOf(server);
    for (let left = LIMIT - 1; left >= 0; left--)
      expect(await send(server)).toEqual({ status: 422, remaining: left });
    expect(await send(server)).toEqual({ status: 429, remaining: 0 });
    expect(await metricsOf(server)).toMatchObject({
      octavo_rate_limit_store_up: 0,
      octavo_rate_limit_store_round_trips_total: trips,
    });
    // The first reason may be no more than a connection that has closed.
    await expect.poll(() => changes().some((change) => reason.test(`${change.reason}`))).toBe(true);
    await mend();
    await expect.poll(() => changes().at(-1)?.up).toBe(true);
    expect(changes().filter(({ up }) => up)).toHaveLength(1);
    expect(server.output() + server.notices()).not.toContain(PASSWORD);
    expect((await newClient()(server)).remaining).toBe(LIMIT - 1);
  });
});
