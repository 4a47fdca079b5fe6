/**
 * `npm run bench:pages`: the first page of the catalogue beside the same listing as JSON, on Node and Bun: requests per
 * second, and the server's CPU time per request. Needs Linux and wrk.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { DATABASE } from "../dev/cli.ts";
import { startPostgres } from "../dev/postgres.ts";
import { loadSample } from "../dev/sample.ts";
import { command } from "../ops/command.ts";
import { DATA } from "../ops/data.ts";
import { migrate } from "../ops/migrations.ts";
import { closedLoop, requireWrk } from "./load.ts";
import { median } from "./median.ts";
import { table } from "./report.ts";
import type { HttpRequest } from "./requests.ts";
import { cpuSeconds, type Server, startServer } from "./servers.ts";
import { NODE_FLAGS } from "./targets.ts";

const ROUNDS = 5;
const SECONDS = 4;
const CONNECTIONS = 32;

/** More addresses than a server keeps pages. */
const PRICES = Array.from({ length: 300 }, (_, at) => `min_price=${((at + 1) / 100).toFixed(2)}`);

const SERVERS = {
  Node: [process.execPath, ...NODE_FLAGS, "dist/node.js"],
  Bun: ["bun", "--no-install", "dist/bun.js"],
} as const;

const get = (path: string, headers: Record<string, string> = {}): HttpRequest => ({
  method: "GET",
  path,
  headers,
});

/** What is measured: each way to get the same books. */
const casesOf = (etag: string): Record<string, HttpRequest[]> => ({
  "the first page as JSON": [get("/api/v1/books?limit=24")],
  "as a page": [get("/")],
  "as a page, compressed": [get("/", { "Accept-Encoding": "gzip" })],
  "as a page, 304": [get("/", { "If-None-Match": etag })],
  "300 filters as JSON": PRICES.map((price) => get(`/api/v1/books?limit=24&${price}`)),
  "as pages, each rendered": PRICES.map((price) => get(`/?${price}`)),
});

await command(async () => {
  await requireWrk();
  execFileSync(process.execPath, ["dev/build.js"]);
  const postgres = await startPostgres({ directory: join(DATA, "bench"), onProgress: console.log });
  try {
    await postgres.createDatabase(`${DATABASE}_pages`);
    const url = postgres.url(`${DATABASE}_pages`);
    await migrate(url);
    await loadSample(url);
    const rows: string[][] = [];
    for (const [runtime, [file, ...args]] of Object.entries(SERVERS)) {
      const env = { DATABASE_URL: url, RATE_LIMIT: "off" };
      const server = await startServer(`pages-${runtime}`, (port) => ({
        file,
        args: [...args],
        env: { ...env, PORT: `${port}` },
      }));
      rows.push(...(await measure(runtime, server)));
      await server.stop();
    }
    console.log(`\n${table(["", "requests/s", "CPU µs"], rows)}`);
  } finally {
    await postgres.stop();
  }
});

/** Alternates the cases, after a round that warms up. */
async function measure(runtime: string, { origin, pid }: Server): Promise<string[][]> {
  const { headers } = await fetch(origin);
  const cases = Object.entries(casesOf(headers.get("ETag") ?? ""));
  const samples = new Map(cases.map(([name]) => [name, { rates: [] as number[], cpu: [] as number[] }]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, requests] of cases) {
      const before = await cpuSeconds(pid);
      const load = await closedLoop(origin, requests, {
        connections: CONNECTIONS,
        seconds: SECONDS,
        isbns: 0,
      });
      const used = (await cpuSeconds(pid)) - before;
      if (round === 0) continue;
      samples.get(name)?.rates.push(load.rate);
      samples.get(name)?.cpu.push((used * 1e6) / load.requests);
    }
  }
  return Array.from(samples, ([name, { rates, cpu }]) => [
    `${runtime}: ${name}`,
    median(rates).toFixed(0),
    median(cpu).toFixed(0),
  ]);
}
