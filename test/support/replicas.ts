/** A primary with a standby that tests can delay and break, as each runtime reaches them. */
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import pg from "pg";
import { inject, vi } from "vitest";
import { startNeonEndpoint } from "../../dev/neon-endpoint.ts";
import { migrate } from "../../ops/migrations.ts";
import { IDENTITY, standingAt } from "../../src/db/position.ts";
import { atEnd } from "./end.ts";
import { startProxy } from "./proxy.ts";
import { launchServer, type Runtime, type TestServer, type Variables } from "./servers.ts";
import { startReplicated } from "./standby.ts";
import { SECRET } from "./token.ts";
import { startWorker } from "./worker.ts";

export const CURSOR_KEY = "positions".repeat(4);

/** A server, and what it tells its operator. */
export interface Told extends TestServer {
  /** The sentences about replicas so far. */
  told(): string[];
  /** What Prometheus reads; undefined on Workers. */
  metrics(): Promise<string | undefined>;
}

/** Starts the app with replicas. */
export async function start(runtime: Runtime, variables: Variables): Promise<Told> {
  const all = { AUTH_SECRET: SECRET, CURSOR_KEY, REQUEST_TIMEOUT_MS: "6000", ...variables };
  const sentences = (lines: string[]) => lines.filter((line) => line.startsWith("The replica"));
  if (runtime === "workerd") {
    const worker = await startWorker({ url: `${variables.DATABASE_URL}` }, all);
    return { ...worker, told: () => sentences(worker.logs()), metrics: async () => undefined };
  }
  const server = launchServer(runtime, { ...all, METRICS_PORT: "0" });
  return {
    url: await server.url,
    logs: server.logs,
    told: () => sentences(server.notices().split("\n")),
    async metrics() {
      const url = await vi.waitUntil(() => server.notices().match(/^Metrics at (.+)$/m)?.[1]);
      return (await fetch(url)).text();
    },
  };
}

/** What becomes of what is sent to a database. */
type Mode = "answers" | "hangs" | "breaks";

/** The way to a database. */
export interface Way {
  mode: Mode;
  /** Round trips of requests, without those that only ask how a database stands. */
  trips: number;
}

/** The ways of one server. */
export interface Ways {
  primary: Way;
  replica: Way;
  /** The variables of the server. */
  variables: Variables;
}

export interface Cluster {
  primary: pg.Client;
  standby: pg.Client;
  urls: { primary: string; standby: string };
  waysOf(runtime: Runtime): Promise<Ways>;
  /** Waits until the standby has replayed everything. */
  replayed(): Promise<void>;
  /** Does work while the standby does not replay. */
  whilePaused(work: () => Promise<void>): Promise<void>;
  /** Does work while the standby stops to replay for some milliseconds, again and again. */
  whileReplayHalts(work: () => Promise<void>): Promise<void>;
}

export async function startCluster(): Promise<Cluster> {
  const urls = await startReplicated("octavo");
  await migrate(urls.primary);
  const [primary, standby] = await Promise.all([open(urls.primary), open(urls.standby)]);
  const cluster: Cluster = {
    primary,
    standby,
    urls,
    waysOf: (runtime) => (runtime === "workerd" ? neonWays(urls) : poolWays(urls)),
    async replayed() {
      const { rows } = await primary.query("select pg_current_wal_flush_lsn() as lsn");
      for (;;) {
        const { rows: on } = await standby.query("select pg_last_wal_replay_lsn() >= $1 as done", [
          rows[0].lsn,
        ]);
        if (on[0].done) return;
      }
    },
    async whilePaused(work) {
      await standby.query("select pg_wal_replay_pause()");
      await vi.waitUntil(async () => {
        const { rows } = await standby.query("select pg_get_wal_replay_pause_state() as state");
        return rows[0].state === "paused";
      });
      await work().finally(() => standby.query("select pg_wal_replay_resume()"));
      await cluster.replayed();
    },
    async whileReplayHalts(work) {
      let isOver = false;
      const working = work().finally(() => {
        isOver = true;
      });
      while (!isOver) {
        await standby.query("select pg_wal_replay_pause(), pg_sleep(0.01)");
        await standby.query("select pg_wal_replay_resume(), pg_sleep(0.01)");
      }
      await working;
    },
  };
  await cluster.replayed();
  return cluster;
}

/** Connects until the test file ends. */
export async function open(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  atEnd(() => client.end());
  return client;
}

const PROBES = [IDENTITY, standingAt(undefined)];
const isProbe = (data: string) => {
  const names = new Set(data.match(/octavo_[0-9a-f]{32}/g));
  return names.size === 1 && PROBES.some(({ name = "" }) => names.has(name));
};

/** How long answers are delayed, so that everything that does not wait for them is sent meanwhile. */
const HELD_MS = 3;

/** Through TCP proxies. */
async function poolWays(urls: Cluster["urls"]): Promise<Ways> {
  const wayTo = async (target: string) => {
    const way: Way = { mode: "answers", trips: 0 };
    const { url } = await startProxy(target, {
      join({ near, far, cut }) {
        let sent = "";
        let isCounted = false;
        near.on("data", (data) => {
          if (way.mode === "breaks") return cut();
          if (way.mode === "hangs") return;
          sent += data.toString("latin1");
          // What comes before the first statement opens the connection.
          if (!isCounted && /octavo_[0-9a-f]{32}|select/.test(sent) && !isProbe(sent)) {
            way.trips++;
            isCounted = true;
          }
          far.write(data);
        });
        far.on("data", (data) =>
          setTimeout(() => {
            sent = "";
            isCounted = false;
            near.write(data);
          }, HELD_MS),
        );
      },
    });
    return { way, url };
  };
  const [primary, replica] = await Promise.all([wayTo(urls.primary), wayTo(urls.standby)]);
  return {
    primary: primary.way,
    replica: replica.way,
    variables: { DATABASE_URL: primary.url, DATABASE_READ_URL: replica.url },
  };
}

/** Through an HTTP proxy, which passes each request on to the endpoint of the database that it names. */
async function neonWays(urls: Cluster["urls"]): Promise<Ways> {
  const wayTo = async (url: string) => {
    const endpoint = await startNeonEndpoint({ postgres: url });
    atEnd(endpoint.close);
    return { way: { mode: "answers", trips: 0 } as Way, endpoint, port: new URL(url).port };
  };
  const ways = [await wayTo(urls.primary), await wayTo(urls.standby)] as const;
  const other = {
    way: { mode: "answers", trips: 0 } as Way,
    endpoint: { url: inject("neon") },
    port: new URL(inject("postgres")).port,
  };
  const server = createServer((incoming, response) => {
    const { port } = new URL(`${incoming.headers["neon-connection-string"]}`);
    const found = [...ways, other].find((way) => way.port === port);
    if (!found) return void response.destroy();
    const { way, endpoint } = found;
    if (way.mode === "breaks") return void response.destroy();
    if (way.mode === "hangs") return;
    way.trips++;
    const { method = "POST", headers, url } = incoming;
    const outgoing = request(new URL(`${url}`, endpoint.url), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    outgoing.on("error", () => response.destroy());
    incoming.pipe(outgoing);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  atEnd(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sql`;
  return {
    primary: ways[0].way,
    replica: ways[1].way,
    variables: {
      DATABASE_URL: urls.primary,
      DATABASE_READ_URL: urls.standby,
      NEON_FETCH_ENDPOINT: address,
    },
  };
}
