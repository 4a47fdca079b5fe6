/**
 * `npm run bench:edge`: measures the cost of requests on Workers: round trips to the database, latency with 80 ms to the
 * database, and CPU in workerd; listings from its cache; also the size of the Worker, and the CPU time of its start.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { Agent, createServer, request as forward } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { promisify } from "node:util";
import cliProgress from "cli-progress";
import { startNeonEndpoint } from "../dev/neon-endpoint.ts";
import { command } from "../ops/command.ts";
import { wrangler } from "../ops/wrangler.ts";
import { addBooksInDemand, type Catalogue, isbnOf, openCatalogue } from "./catalogue.ts";
import { compareCache } from "./edge-cache.ts";
import { requireWrk } from "./load.ts";
import { median } from "./median.ts";
import { table } from "./report.ts";
import { type Ask, type HttpRequest, NEXT_ISBN, octavo } from "./requests.ts";
import { cpuSeconds, type Server } from "./servers.ts";
import { POOL_SIZE, TARGETS, type Target } from "./targets.ts";

const LATENCY_MS = 80;
const FAR_REQUESTS = 15;
const NEAR_REQUESTS = 400;
const CONCURRENCY = 8;
const STARTS = 5;

await command(async () => {
  await requireWrk();
  const target = TARGETS["octavo-workerd"] as Target;
  await target.build();
  const catalogue = await openCatalogue(1_000_000);
  try {
    const neon = await startNeonEndpoint({ postgres: catalogue.url, maxConnections: POOL_SIZE });
    const link = await linkTo(neon.url);
    try {
      console.log(`\n${await routesTable(target, catalogue, link)}`);
      console.log(`\n${await cacheTable(target, catalogue, link)}`);
      console.log(`\n${await startup()}`);
    } finally {
      link.close();
      await neon.close();
    }
  } finally {
    await catalogue.close();
  }
});

async function routesTable(target: Target, catalogue: Catalogue, link: Link): Promise<string> {
  const server = await target.start("edge", { databaseUrl: catalogue.url, neonUrl: link.url, body: "" });
  try {
    const routes = Object.entries(await routesOf(catalogue));
    const rows: string[][] = [];
    const bar = new cliProgress.SingleBar({ format: "{bar} {value} of {total}. {route}" });
    bar.start(routes.length, 0, { route: "" });
    for (const [route, request] of routes) {
      bar.update({ route });
      const { trips, farMs, cpu } = await cost(server, link, request);
      rows.push([route, trips.toFixed(2), farMs.toFixed(0), cpu.toFixed(0)]);
      bar.increment();
    }
    bar.stop();
    return table(["", "round trips", `p50 ms at ${LATENCY_MS} ms`, "CPU µs"], rows);
  } finally {
    await server.stop();
  }
}

async function cacheTable({ start }: Target, { url, terms }: Catalogue, link: Link): Promise<string> {
  const first = [await octavo({ page: "first" })];
  const searches = await Promise.all(terms.slice(0, 100).map((search) => octavo({ search })));
  const rows = await compareCache(
    [
      { name: "first page", requests: first, latency: 0 },
      { name: "100 searches", requests: searches, latency: 0 },
      { name: `first page at ${LATENCY_MS} ms`, requests: first, latency: LATENCY_MS },
      // What the Worker does without the database and the cache: no cache makes it faster.
      { name: "/health", requests: [{ method: "GET", path: "/health" }], latency: 0 },
    ],
    (edgeCacheSeconds) => start("edge", { databaseUrl: url, neonUrl: link.url, body: "", edgeCacheSeconds }),
    link.setLatency,
  );
  return table(["requests/s", "no cache", "EDGE_CACHE_SECONDS", ""], rows);
}

/** Makes the n-th request to a route. */
type Route = (at: number) => Promise<HttpRequest>;

/** Measures round trips and microseconds of CPU per request, and milliseconds with a distant database. */
async function cost({ origin, pid }: Server, link: Link, route: Route) {
  const send = async (at: number) => {
    const { method, path, headers = {}, body = null } = await route(at);
    const started = performance.now();
    const response = await fetch(origin + path, { method, headers, body });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`);
    return performance.now() - started;
  };
  const numbers = (from: number, count: number) => Array.from({ length: count }, (_, at) => from + at);
  // The first half warms up the JIT compiler.
  await concurrently(numbers(0, NEAR_REQUESTS), send);
  const [trips, seconds] = [link.trips(), await cpuSeconds(pid)];
  await concurrently(numbers(NEAR_REQUESTS, NEAR_REQUESTS), send);
  const near = {
    trips: (link.trips() - trips) / NEAR_REQUESTS,
    cpu: (((await cpuSeconds(pid)) - seconds) * 1e6) / NEAR_REQUESTS,
  };
  link.setLatency(LATENCY_MS);
  const times: number[] = [];
  for (const at of numbers(2 * NEAR_REQUESTS, FAR_REQUESTS)) times.push(await send(at));
  link.setLatency(0);
  return { ...near, farMs: median(times) };
}

async function routesOf({ client, ids, places, terms, reserveIsbns }: Catalogue) {
  const number = reserveIsbns();
  const most = 2 * NEAR_REQUESTS + FAR_REQUESTS;
  const doomed = await addBooksInDemand(client, most, number);
  const inDemand = await addBooksInDemand(client, 10, number + most);
  const [hot = ""] = inDemand;
  let next = number + 2 * most;
  const nth = <T>(values: T[], at: number) => values[at % values.length] as T;
  const asked = async (ask: Ask): Promise<HttpRequest> => {
    const { headers, body, ...request } = await octavo(ask);
    if (!body) return request;
    return {
      ...request,
      headers: { ...headers, "Content-Type": "application/json" },
      body: body.replace(NEXT_ISBN, () => isbnOf(next++)),
    };
  };
  const { headers = {} } = await asked({ stock: hot });
  const route =
    (path: string, more: Partial<HttpRequest> = {}): Route =>
    async () => ({ method: "GET", path: `/api/v1${path}`, headers, ...more });
  const routes: Record<string, Route> = {
    "GET book": (at) => asked({ book: nth(ids, at) }),
    "GET books": () => asked({ page: "first" }),
    "GET books, cursor": (at) => asked({ page: nth(places, at) }),
    "GET books, page=2": route("/books?page=2&author=Marta%20Ellwood"),
    "GET books, count=exact": route("/books?count=exact&author=Marta%20Ellwood"),
    "GET books, search": (at) => asked({ search: nth(terms, at) }),
    "POST book": () => asked({ create: true }),
    "POST book, keyed": async (at) => {
      const request = await asked({ create: true });
      return {
        ...request,
        headers: { ...request.headers, "Idempotency-Key": `edge-${at}` },
      };
    },
    "PATCH book, If-Match": (at) =>
      route(`/books/${hot}`, {
        method: "PATCH",
        headers: { ...headers, "If-Match": "*" },
        body: JSON.stringify({ price: 10 + (at % 50) }),
      })(at),
    "DELETE book": (at) => route(`/books/${doomed[at]}`, { method: "DELETE" })(at),
    "POST stock": () => asked({ stock: hot }),
    "POST stock, 10 books": route("/stock", {
      method: "POST",
      headers: { ...headers, "Content-Type": "application/json" },
      body: JSON.stringify({ lines: inDemand.map((id) => ({ id, delta: -1 })) }),
    }),
    "GET movements": route(`/books/${hot}/stock/movements`),
    "GET movements, all": route("/stock/movements?reason=sale"),
    "GET tasks": route("/tasks"),
  };
  return routes;
}

async function concurrently(numbers: number[], work: (at: number) => Promise<unknown>): Promise<void> {
  const left = [...numbers];
  const worker = async () => {
    for (let at = left.shift(); at !== undefined; at = left.shift()) await work(at);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

interface Link {
  url: string;
  /** The number of requests so far. */
  trips(): number;
  setLatency(milliseconds: number): void;
  close(): void;
}

/** A proxy between the Worker and the database that counts requests and adds latency. */
async function linkTo(url: string): Promise<Link> {
  let [count, latency] = [0, 0];
  const agent = new Agent({ keepAlive: true });
  const server = createServer((incoming, outgoing) => {
    count++;
    const { method = "POST", headers } = incoming;
    incoming.pipe(
      forward(url, { method, headers, agent }, (response) => {
        setTimeout(() => {
          outgoing.writeHead(response.statusCode ?? 500, response.headers);
          response.pipe(outgoing);
        }, latency);
      }),
    );
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sql`,
    trips: () => count,
    setLatency(milliseconds: number) {
      latency = milliseconds;
    },
    close() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
}

/** The size of the Worker and the CPU time of its start, as reported by `wrangler check startup`. */
async function startup(): Promise<string> {
  const { file, environment } = wrangler();
  const profile = join(tmpdir(), `octavo-start-${process.pid}.cpuprofile`);
  const active: number[] = [];
  let size = "";
  for (let start = 0; start < STARTS; start++) {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [file, "check", "startup", "--outfile", profile],
      {
        env: environment,
      },
    );
    const [, bundle = "?"] = stdout.match(/Bundle: (.*)/) ?? [];
    const [, time] = stdout.match(/Active: ([\d.]+) ms/) ?? [];
    size = bundle;
    active.push(Number(time));
  }
  return `The Worker: ${size}; its modules take ${median(active).toFixed(0)} ms of CPU to start (median of ${STARTS}).`;
}
