/**
 * `npm run bench:processes`: one process beside two, on Node and Bun. Needs Linux and wrk.
 *
 * The load and Postgres use CPU as well, so they get cores of their own. With four cores or more, the server has two. With
 * fewer, it has one: what two processes answer there together is what each would answer on a core of its own, at least,
 * because there they would not take turns. The factor is then twice that of the rates. It counts only where the server was busy.
 */
import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
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

const CONNECTIONS = 64;
const COUNTS = [1, 2] as const;
/** Enough for the pools of two processes to be no limit. */
const POOL = "20";

const SERVERS = {
  Node: [process.execPath, ...NODE_FLAGS, "dist/node.js"],
  Bun: ["bun", "--no-install", "dist/bun.js"],
} as const;

interface Sample {
  rate: number;
  /** How many cores all processes of the server used. */
  busy: number;
}

const CORES = availableParallelism();
const hasCores = CORES >= 4;
const [OWN, REST] = hasCores ? ["0,1", `2-${CORES - 1}`] : ["0", "1"];

await command(async () => {
  await requireWrk();
  const { values } = parseArgs({
    options: { rounds: { type: "string", default: "5" }, seconds: { type: "string", default: "4" } },
  });
  execFileSync(process.execPath, ["dev/build.js"]);
  // Postgres and wrk inherit it.
  execFileSync("taskset", ["-cp", REST, `${process.pid}`]);
  const postgres = await startPostgres({ directory: join(DATA, "bench"), onProgress: console.log });
  try {
    await postgres.createDatabase(`${DATABASE}_processes`);
    const url = postgres.url(`${DATABASE}_processes`);
    await migrate(url);
    await loadSample(url);
    const rows: string[][] = [];
    for (const runtime of ["Node", "Bun"] as const)
      rows.push(...(await compare(runtime, url, Number(values.rounds), Number(values.seconds))));
    const columns = ["", "one: requests/s", "cores busy", "two: requests/s", "cores busy", "factor"];
    console.log(`\n${table(columns, rows)}`);
    console.log(
      `The server had ${hasCores ? "two cores" : "one core, so the factor is twice that of the rates"}.`,
    );
  } finally {
    await postgres.stop();
  }
});

/** Alternates one process and two, and the requests, after a round that warms up. */
async function compare(
  runtime: keyof typeof SERVERS,
  url: string,
  rounds: number,
  seconds: number,
): Promise<string[][]> {
  const servers = await Promise.all(COUNTS.map((count) => start(runtime, url, count)));
  try {
    const cases = await casesOf(servers[0] as Server);
    const samples = new Map(cases.map(([name]) => [name, COUNTS.map(() => [] as Sample[])]));
    for (let round = 0; round <= rounds; round++)
      for (const [name, requests] of cases)
        for (const [at, server] of servers.entries()) {
          const sample = await measure(server, requests, seconds);
          if (round > 0) samples.get(name)?.[at]?.push(sample);
        }
    return Array.from(samples, ([name, taken]) => row(`${runtime}: ${name}`, taken));
  } finally {
    for (const server of servers) await server.stop();
  }
}

function start(runtime: keyof typeof SERVERS, url: string, count: number): Promise<Server> {
  const [file, ...args] = ["taskset", "-c", OWN, ...SERVERS[runtime]];
  const env = { DATABASE_URL: url, RATE_LIMIT: "off", DATABASE_POOL_SIZE: POOL, PROCESSES: `${count}` };
  return startServer(`processes-${runtime}-${count}`, (port) => ({
    file,
    args,
    env: { ...env, PORT: `${port}` },
  }));
}

function get(path: string): HttpRequest {
  return { method: "GET", path, headers: {} };
}

async function casesOf({ origin }: Server): Promise<[string, HttpRequest[]][]> {
  const { data } = await (await fetch(`${origin}/api/v1/books?limit=100`)).json();
  return [
    ["a book", data.map(({ id }: { id: string }) => get(`/api/v1/books/${id}`))],
    ["a page of 20", data.map(({ price }: { price: number }) => get(`/api/v1/books?min_price=${price}`))],
    ["/health", [get("/health")]],
  ];
}

async function measure({ origin, pid }: Server, requests: HttpRequest[], seconds: number): Promise<Sample> {
  const before = await cpuSeconds(pid);
  const load = await closedLoop(origin, requests, { connections: CONNECTIONS, seconds, isbns: 0 });
  const used = (await cpuSeconds(pid)) - before;
  return { rate: load.rate, busy: (used * load.rate) / load.requests };
}

function row(name: string, [one = [], two = []]: Sample[][]): string[] {
  const of = (samples: Sample[], key: keyof Sample) => median(samples.map((sample) => sample[key]));
  const factor = (of(two, "rate") / of(one, "rate")) * (hasCores ? 1 : 2);
  const cells = [one, two].flatMap((samples) => [
    of(samples, "rate").toFixed(0),
    of(samples, "busy").toFixed(2),
  ]);
  return [name, ...cells, factor.toFixed(2)];
}
