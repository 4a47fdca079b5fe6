/**
 * `npm run bench`: Octavo on its runtimes against its peers, over one Postgres with a million books. Each measurement
 * is a process of its own; the rounds alternate between the targets, so that ratios hold whatever else the machine does.
 */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { startNeonEndpoint } from "../dev/neon-endpoint.ts";
import { command } from "../ops/command.ts";
import { StartupError } from "../src/startup-error.ts";
import { type Catalogue, openCatalogue, POSTGRES_SETTINGS } from "./catalogue.ts";
import { measureDepth } from "./depth.ts";
import { INSTALL, isInstalled } from "./load.ts";
import { plot } from "./plot.ts";
import { report } from "./report.ts";
import type { Results } from "./results.ts";
import { PGBENCH, runOpenLoop, runRounds } from "./runner.ts";
import { labelOf, POOL_SIZE, TARGETS } from "./targets.ts";
import { WORKERD } from "./workerd.ts";
import { WORKLOADS } from "./workloads.ts";

const RESULTS = fileURLToPath(new URL("./results", import.meta.url));

/** The workloads, and what else there is to measure. */
const PARTS = [...Object.keys(WORKLOADS), "depth", "open-loop"];
const ALL_TARGETS = [...Object.keys(TARGETS), PGBENCH];
/** Those that `--quick` has time for. */
const QUICK_TARGETS = ["octavo-node", "octavo-bun", "octavo-workerd", "actix", "fastify", PGBENCH];

const run = promisify(execFile);

await command(async () => {
  const options = parseOptions();
  if (platform() !== "linux") {
    throw new StartupError("The benchmark counts CPU and memory by /proc, and needs Linux for that.");
  }
  if (!(await isInstalled("wrk"))) throw new StartupError(`The benchmark needs wrk: ${INSTALL.wrk}.`);
  const { targets, skipped, hasOpenLoop } = await build(options.targets);
  const catalogue = await openCatalogue(options.books);
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => interrupted.abort());
  const neon = await startNeonEndpoint({ postgres: catalogue.url, maxConnections: POOL_SIZE });
  try {
    const surroundings = { databaseUrl: catalogue.url, neonUrl: neon.url, body: await bookOf(catalogue) };
    const setting = { ...options, catalogue, surroundings, targets, interrupted: interrupted.signal };
    const results: Results = {
      date: new Date().toISOString(),
      ...(await describe(catalogue)),
      method: {
        books: catalogue.books,
        rounds: options.rounds,
        seconds: options.seconds,
        warmUp: options.warmUp,
        connections: options.connections,
        poolSize: POOL_SIZE,
        postgres: POSTGRES_SETTINGS,
      },
      skipped,
      measurements: await runRounds(setting),
      depth: options.parts.includes("depth") ? await measureDepth(setting) : [],
      openLoop: [],
    };
    if (options.parts.includes("open-loop") && hasOpenLoop)
      results.openLoop = await runOpenLoop(setting, results);
    console.log(`\n${report(results)}`);
    const name = interrupted.signal.aborted ? "part" : options.name;
    await mkdir(RESULTS, { recursive: true });
    await writeFile(join(RESULTS, `${name}.json`), `${JSON.stringify(results, null, 1)}\n`);
    await writeFile(join(RESULTS, `${name}.svg`), plot(results));
    console.log(`\nWritten: bench/results/${name}.json and ${name}.svg`);
  } finally {
    await neon.close();
    await catalogue.close();
  }
});

function parseOptions() {
  const { values } = parsed();
  const number = (name: "books" | "rounds" | "connections" | "seconds", otherwise: number) => {
    const value = Number(values[name] ?? otherwise);
    if (!Number.isInteger(value) || value < 1) throw usage(`--${name} must be a number above 0.`);
    return value;
  };
  const names = (name: "only" | "workloads", known: string[]) => {
    const given = values[name]?.split(",");
    const unknown = given?.find((name) => !known.includes(name));
    if (unknown !== undefined) throw usage(`--${name} does not know ${unknown}.`);
    return given && known.filter((name) => given.includes(name));
  };
  const { quick } = values;
  const [targets, parts] = [names("only", ALL_TARGETS), names("workloads", PARTS)];
  return {
    books: number("books", 1_000_000),
    rounds: number("rounds", quick ? 1 : 3),
    connections: number("connections", 64),
    seconds: number("seconds", quick ? 1 : 5),
    warmUp: quick ? 1 : 5,
    targets: targets ?? (quick ? QUICK_TARGETS : ALL_TARGETS),
    parts: parts ?? (quick ? Object.keys(WORKLOADS).filter((name) => !WORKLOADS[name]?.isExtra) : PARTS),
    /** Only a whole run is one to keep. */
    name: quick ? "quick" : targets || parts || values.connections ? "part" : "bench",
  };
}

function parsed() {
  try {
    return parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        books: { type: "string" },
        rounds: { type: "string" },
        connections: { type: "string" },
        seconds: { type: "string" },
        only: { type: "string" },
        workloads: { type: "string" },
      },
    });
  } catch (error) {
    throw usage((error as Error).message);
  }
}

function usage(complaint: string): StartupError {
  return new StartupError(`${complaint}
Usage: npm run bench -- [--quick] [--books N] [--rounds N] [--seconds N] [--connections N] [--only A,B] [--workloads A,B]
--only takes ${ALL_TARGETS.join(", ")}
--workloads takes ${PARTS.join(", ")}`);
}

/** Makes what is to be started. What lacks its toolchain is skipped by name. */
async function build(names: string[]) {
  const targets: string[] = [];
  const skipped: Record<string, string> = {};
  const skip = (what: string, missing: string) => {
    skipped[what] = missing;
    const how = INSTALL[missing as keyof typeof INSTALL];
    console.log(`Skipping ${what}: there is no ${missing}${how ? ` (${how})` : ""}.`);
  };
  for (const name of names) {
    const missing = TARGETS[name]
      ? await TARGETS[name].build()
      : (await isInstalled(name))
        ? undefined
        : name;
    if (missing) skip(labelOf(name), missing);
    else targets.push(name);
  }
  const hasOpenLoop = await isInstalled("oha");
  if (!hasOpenLoop) skip("the open loop", "oha");
  return { targets, skipped, hasOpenLoop };
}

/** A book as JSON, for the servers that answer nothing else. */
async function bookOf({ client }: Catalogue): Promise<string> {
  const { rows } = await client.query(
    "select id, title, author, isbn, price::float, stock, description, created_at, updated_at from books limit 1",
  );
  return JSON.stringify(rows[0]);
}

async function describe({ client }: Catalogue) {
  const said = (file: string, ...args: string[]) =>
    run(file, args).then(
      ({ stdout }) => stdout.trim().split("\n")[0] ?? "",
      () => "not there",
    );
  const { rows } = await client.query<{ server_version: string }>("show server_version");
  const [processor] = cpus();
  return {
    commit: await said("git", "rev-parse", "--short", "HEAD"),
    machine: `${cpus().length} × ${processor?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
    versions: {
      node: process.versions.node,
      bun: await said("bun", "--version"),
      workerd: await said(WORKERD, "--version"),
      postgres: rows[0]?.server_version ?? "",
      rust: await said("rustc", "--version"),
      go: await said("go", "version"),
      oha: await said("oha", "--version"),
      pgbench: await said("pgbench", "--version"),
    },
  };
}
