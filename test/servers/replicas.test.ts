/** Reads from a replica: a real standby, which a test delays, breaks and promotes. */
import { beforeAll, describe, expect, test, vi } from "vitest";
import { newBook } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { type Cluster, startCluster, type Ways } from "../support/replicas.ts";
import { RUNTIMES, startServer, type TestServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const POSITION = "X-Octavo-Position";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
});

/** Does work while the standby stops to replay for some milliseconds, again and again. */
async function whileReplayHalts(work: () => Promise<unknown>): Promise<void> {
  const { standby } = cluster;
  let isOver = false;
  const working = work().finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await standby.query("select pg_wal_replay_pause(), pg_sleep(0.01)");
    await standby.query("select pg_wal_replay_resume(), pg_sleep(0.01)");
  }
  await working;
}

describe.each(RUNTIMES)("%s", (runtime) => {
  let ways: Ways;
  let server: TestServer;
  let api: Client;

  /** The event of the last request. */
  const last = () => JSON.parse(server.logs().at(-1) ?? "{}");
  /** How many round trips work makes to the primary and to the replica. */
  const tripsOf = async (work: () => Promise<unknown>) => {
    const before = [ways.primary.trips, ways.replica.trips];
    await work();
    return [ways.primary.trips, ways.replica.trips].map((trips, at) => trips - (before[at] ?? 0));
  };
  /** Waits until reads come from there. */
  const readsFrom = (where: "primary" | "replica", path = "/api/v1/books") =>
    vi.waitUntil(
      async () => {
        const trips = await tripsOf(() => api("GET", path));
        return `${trips}` === (where === "replica" ? "0,1" : "1,0");
      },
      { timeout: 30_000, interval: 100 },
    );

  beforeAll(async () => {
    ways = await cluster.waysOf(runtime);
    server = await startServer(runtime, { url: cluster.urls.primary } as never, {
      ...ways.variables,
      AUTH_SECRET: SECRET,
      REPLICA_MAX_LAG: "3600",
    });
    api = await createClient(server.url, await tokenFor("admin"));
    await api("POST", "/api/v1/books", { body: newBook() });
    await cluster.replayed();
    await readsFrom("replica");
  });

  test("reads go to the replica in one round trip each, and writes to the primary", async () => {
    const { json } = await api("POST", "/api/v1/books", { body: newBook() });
    await cluster.replayed();
    const paths = [
      "/api/v1/books?sort=price",
      "/api/v1/books?search=dune",
      "/api/v1/books?count=exact",
      `/api/v1/books/${json.id}`,
      "/api/v1/changes",
      "/api/v1/tasks",
      "/api/v1/stock/movements",
      "/sitemap.xml",
      "/",
      `/books/${json.isbn}`,
    ];
    for (const path of paths) expect([path, await tripsOf(() => api("GET", path))]).toEqual([path, [0, 1]]);
    const sale = () => api("POST", `/api/v1/books/${json.id}/stock`, { body: { delta: -1 } });
    expect(await tripsOf(sale)).toEqual([1, 0]);
    expect(await tripsOf(() => api("GET", "/ready"))).toEqual([1, 0]);
  });

  test("whoever sends back the position of a write reads the write, also while the replica does not replay", async () => {
    const { json } = await api("POST", "/api/v1/books", { body: newBook() });
    await cluster.replayed();
    await cluster.standby.query("select pg_wal_replay_pause()");
    const path = `/api/v1/books/${json.id}`;
    const { headers } = await api("PATCH", path, { body: { stock: 77 } });
    const position = headers.get(POSITION) ?? "";
    const reading = { headers: { [POSITION]: position } };
    expect(position).toMatch(/^[\w-]{1,64}$/);
    expect((await api("GET", path)).json.stock).toBe(3);
    let found = await api("GET", path, reading);
    expect(found.json.stock).toBe(77);
    await expect.poll(last).toMatchObject({ db_round_trips: 1, db_retries: 1 });
    const reads = () => api("GET", path, reading);
    expect(await tripsOf(reads)).toEqual([1, 1]);
    found = await api("GET", `/api/v1/books?search=${json.isbn}&count=exact`, reading);
    expect(found.json.data).toMatchObject([{ stock: 77 }]);
    await cluster.standby.query("select pg_wal_replay_resume()");
    await cluster.replayed();
    expect(await tripsOf(reads)).toEqual([0, 1]);
  });

  test("none of 500 reads misses the write before it, while the replay stops and goes on", {
    timeout: 120_000,
  }, async () => {
    const { json } = await api("POST", "/api/v1/books", { body: newBook({ stock: 0 }) });
    const path = `/api/v1/books/${json.id}`;
    const missed: unknown[] = [];
    await whileReplayHalts(async () => {
      for (let stock = 1; stock <= 500; stock++) {
        const written = await api("PATCH", path, { body: { stock } });
        const headers = { [POSITION]: written.headers.get(POSITION) ?? "" };
        const read = await api("GET", path, { headers });
        if (read.json.stock !== stock) missed.push([stock, read.json.stock]);
      }
    });
    expect(missed).toEqual([]);
  });
});
