/**
 * `npm run bench:scale`: what requests cost a server and Postgres, and what books take on disk, by the number of books. Writes
 * `bench/results/scale.json`, from which `npm run scale` extrapolates. `--books 10000,100000` selects sizes. Needs Linux and wrk.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { cpus, loadavg, release, totalmem } from "node:os";
import cliProgress from "cli-progress";
import { command } from "../../ops/command.ts";
import { StartupError } from "../../src/startup-error.ts";
import { type Catalogue, openCatalogue, POSTGRES_SETTINGS } from "../catalogue.ts";
import { closedLoop, requireWrk } from "../load.ts";
import { median } from "../median.ts";
import { cpuSeconds, type Server } from "../servers.ts";
import { POOL_SIZE, TARGETS, type Target } from "../targets.ts";
import { KINDS, OWN_BOOKS } from "./kinds.ts";
import { parseSizes } from "./options.ts";
import {
  type Cost,
  type Kind,
  type MeasuredCatalogue,
  RESULTS,
  type ScaleResults,
  type Size,
} from "./results.ts";
import { backendMemory, counters, relationsOf, SAMPLES, sizeOf } from "./sizes.ts";

const ROUNDS = 2;
const SECONDS = 3;
const WARM_UP = 1;
/** Of the ISBNs that are reserved for a measurement, the first that no load reaches. */
const UNREACHED = 900_000;
/** A server that is busy shares reads and commits between requests; an idle one cannot. */
const BUSY = 32;
const LOADS = [
  ["node", BUSY],
  ["node", 1],
  ["bun", BUSY],
] as const;

await command(async () => {
  const sizes = parseSizes(process.argv.slice(2));
  await requireWrk();
  for (const runtime of ["node", "bun"]) await (TARGETS[`octavo-${runtime}`] as Target).build();
  for (const books of sizes) {
    const catalogue = await openCatalogue(books);
    try {
      await keep(await measure(catalogue));
    } finally {
      await catalogue.close();
    }
  }
});

/** Writes what was measured, and keeps catalogues of other sizes. */
async function keep(measured: MeasuredCatalogue): Promise<void> {
  const former: ScaleResults | undefined = existsSync(RESULTS)
    ? JSON.parse(await readFile(RESULTS, "utf8"))
    : undefined;
  const others = former?.catalogues.filter(({ books }) => books !== measured.books) ?? [];
  const results: ScaleResults = {
    machine: `${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
    poolSize: POOL_SIZE,
    postgres: POSTGRES_SETTINGS,
    catalogues: [...others, measured].toSorted((a, b) => a.books - b.books),
  };
  await writeFile(RESULTS, `${JSON.stringify(results, null, 1)}\n`);
  console.log(`Written: ${RESULTS}, ${measured.books} books`);
}

async function measure(catalogue: Catalogue): Promise<MeasuredCatalogue> {
  const { client, books } = catalogue;
  const relations = await relationsOf(client);
  const { rows } = await client.query<Counts>(
    "select (select count(*)::int from search_words) as words, (select count(*)::int from stock_movements) as movements, avg(octet_length(json))::float as json from books",
  );
  const [counts] = rows;
  if (!counts || counts.movements > books)
    throw new StartupError(
      "The ledger has the sales of earlier runs: remove .data/bench, and run the command again.",
    );
  const steps = (Object.keys(KINDS) as Kind[]).flatMap((kind) =>
    LOADS.map(([runtime, connections]) => ({ kind, runtime, connections })),
  );
  const bar = new cliProgress.SingleBar({ format: `{bar} {value} of {total}. ${books} books, {kind}` });
  bar.start(ROUNDS * steps.length, 0, { kind: "" });
  const runs: Run[][] = steps.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [at, step] of steps.entries()) {
      bar.update({ kind: step.kind });
      runs[at]?.push(await measureOne(catalogue, step));
      bar.increment();
    }
    await catalogue.removeCreated();
  }
  bar.stop();
  return {
    date: new Date().toISOString(),
    commit: execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim(),
    method: { rounds: ROUNDS, warmUp: WARM_UP, seconds: SECONDS },
    books,
    ...counts,
    relations,
    costs: runs.map((rounds) => leastOf(rounds.map(({ cost }) => cost))),
    sizes: runs.flatMap(([run]) => (run?.cost.connections === 1 ? [run.size] : [])),
    backend: Math.max(...runs.flat().map(({ backend }) => backend)),
    load: median(runs.flat().map(({ load }) => load)),
  };
}

/** Other work on the machine only ever adds CPU time: it takes the cores' caches away. */
function leastOf(costs: Cost[]): Cost {
  const [fastest] = costs.toSorted((a, b) => b.rate - a.rate) as [Cost];
  return {
    ...fastest,
    serverCpu: Math.min(...costs.map(({ serverCpu }) => serverCpu)),
    postgresCpu: Math.min(...costs.map(({ postgresCpu }) => postgresCpu)),
  };
}

type Counts = Pick<MeasuredCatalogue, "words" | "movements" | "json">;

interface Run {
  cost: Cost;
  size: Size;
  backend: number;
  load: number;
}

/** Each measurement has a server of its own: Postgres counts what a connection did when it ends. */
async function measureOne(
  catalogue: Catalogue,
  { kind, runtime, connections }: Pick<Cost, "kind" | "runtime" | "connections">,
): Promise<Run> {
  const { postmaster } = catalogue;
  const number = catalogue.reserveIsbns();
  const requests = await KINDS[kind](catalogue, number);
  const server = await startWarm(catalogue, runtime);
  try {
    const before = await counters(catalogue);
    const load = (seconds: number, isbns: number) =>
      closedLoop(server.origin, requests, { connections, seconds, isbns });
    const warm = await load(WARM_UP, number + OWN_BOOKS);
    const [own, postgres] = [await cpuSeconds(server.pid), await cpuSeconds(postmaster)];
    const { rate, requests: answered } = await load(
      SECONDS,
      number + OWN_BOOKS + warm.requests + connections,
    );
    const each = (seconds: number) => (seconds * 1e6) / answered;
    const cpu = {
      serverCpu: each((await cpuSeconds(server.pid)) - own),
      postgresCpu: each((await cpuSeconds(postmaster)) - postgres),
    };
    const backend = await backendMemory(catalogue);
    const size = await sizeOf(server.origin, requests, number + UNREACHED);
    await server.stop();
    const after = await counters(catalogue);
    const total = warm.requests + answered + SAMPLES;
    const counted = {
      transactions: (after.transactions - before.transactions) / total,
      pages: (after.pages - before.pages) / total,
      wal: (after.wal - before.wal) / total,
    };
    return {
      cost: { kind, runtime, connections, rate, ...cpu, ...counted },
      size: { kind, ...size },
      backend,
      load: loadavg()[0] ?? 0,
    };
  } finally {
    await server.stop();
  }
}

/**
 * Starts a server, and reads first pages until it has compiled what all requests pass. In the time of a measurement, too few
 * searches end for that.
 */
async function startWarm(catalogue: Catalogue, runtime: Cost["runtime"]): Promise<Server> {
  const surroundings = { databaseUrl: catalogue.url, neonUrl: "", body: "" };
  const server = await (TARGETS[`octavo-${runtime}`] as Target).start(`scale-${runtime}`, surroundings);
  try {
    const pages = await KINDS.first(catalogue, 0);
    await closedLoop(server.origin, pages, { connections: BUSY, seconds: WARM_UP, isbns: 0 });
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}
