/**
 * `npm run bench:replicas`: reads from a replica beside the same reads from the primary, on Node and Bun: the ratio of
 * requests per second, and what a position adds to a read. Needs Linux and wrk.
 */
import { execFileSync } from "node:child_process";
import pg from "pg";
import { loadSample } from "../dev/sample.ts";
import { command } from "../ops/command.ts";
import { migrate } from "../ops/migrations.ts";
import { end } from "../test/support/end.ts";
import { startReplicated } from "../test/support/standby.ts";
import { SECRET, tokenFor } from "../test/support/token.ts";
import { closedLoop, requireWrk } from "./load.ts";
import { median } from "./median.ts";
import { table } from "./report.ts";
import type { HttpRequest } from "./requests.ts";
import { type Server, startServer } from "./servers.ts";
import { NODE_FLAGS } from "./targets.ts";

const [ROUNDS = 5, SECONDS = 4] = process.argv.slice(2).map(Number);
const CONNECTIONS = 32;
const READY_MS = 200;

const RUNTIMES = {
  Node: [process.execPath, ...NODE_FLAGS, "dist/node.js"],
  Bun: ["bun", "--no-install", "dist/bun.js"],
} as const;

await command(async () => {
  await requireWrk();
  execFileSync(process.execPath, ["dev/build.js"]);
  try {
    const urls = await startReplicated("octavo");
    await migrate(urls.primary);
    await loadSample(urls.primary);
    const ids = await idsOf(urls.primary);
    const rows: string[][] = [];
    for (const [runtime, command] of Object.entries(RUNTIMES)) {
      const env = { DATABASE_URL: urls.primary, AUTH_SECRET: SECRET, RATE_LIMIT: "off" };
      const primary = await start(`primary-${runtime}`, command, env);
      const replica = await start(`replica-${runtime}`, command, { ...env, DATABASE_READ_URL: urls.standby });
      rows.push(...(await compare(runtime, primary, replica, ids)));
      await Promise.all([primary.stop(), replica.stop()]);
    }
    console.log(`\n${table(["", "primary/s", "replica/s", "ratio", "with a position"], rows)}`);
  } finally {
    await end();
  }
});

async function idsOf(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ id: string }>("select id from books order by id");
  await client.end();
  return rows.map(({ id }) => id);
}

function start(
  name: string,
  [file, ...args]: readonly [string, ...string[]],
  env: Record<string, string>,
): Promise<Server> {
  return startServer(name, (port) => ({ file, args, env: { ...env, PORT: `${port}` } }));
}

/** The position of a write, once the replica is read. */
async function positionOf({ origin }: Server): Promise<string> {
  for (;;) {
    const ready = await fetch(`${origin}/ready`);
    if ((await ready.json()).replicas?.read === 1) break;
    await new Promise((resolve) => setTimeout(resolve, READY_MS));
  }
  const written = await fetch(`${origin}/api/v1/tasks`, {
    method: "POST",
    headers: { Authorization: `Bearer ${await tokenFor("clerk")}`, "Content-Type": "application/json" },
    body: JSON.stringify({ title: "Order ink" }),
  });
  return `${written.headers.get("X-Octavo-Position")}`;
}

/** Alternates primary and replica, after a round that warms up. */
async function compare(
  runtime: string,
  primary: Server,
  replica: Server,
  ids: string[],
): Promise<string[][]> {
  const headers = { "X-Octavo-Position": await positionOf(replica) };
  const reads = (headers: Record<string, string>): Record<string, HttpRequest[]> => ({
    "point reads": ids.map((id) => ({ method: "GET", path: `/api/v1/books/${id}`, headers })),
    "first page": [{ method: "GET", path: "/api/v1/books", headers }],
    searches: ids.map((id) => ({ method: "GET", path: `/api/v1/books?search=the&id=${id}`, headers })),
  });
  const [plain, positioned] = [reads({}), reads(headers)];
  const ways = [
    { origin: primary.origin, cases: plain },
    { origin: replica.origin, cases: plain },
    { origin: replica.origin, cases: positioned },
  ];
  const rows: string[][] = [];
  for (const name of Object.keys(plain)) {
    const rates = ways.map(() => [] as number[]);
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [at, { origin, cases }] of ways.entries()) {
        const options = { connections: CONNECTIONS, seconds: SECONDS, isbns: 0 };
        const { rate } = await closedLoop(origin, cases[name] ?? [], options);
        if (round > 0) rates[at]?.push(rate);
      }
    }
    const [one = 0, other = 0, third = 0] = rates.map(median);
    const ratio = (other / one).toFixed(2);
    rows.push([`${runtime}: ${name}`, one.toFixed(0), other.toFixed(0), ratio, (third / one).toFixed(2)]);
  }
  return rows;
}
