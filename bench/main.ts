/**
 * `npm run bench`: compares Octavo on its runtimes with its peers or with another commit, on one Postgres with a million
 * books. Each measurement starts a new process. The rounds alternate between the targets, so that changing conditions of
 * the machine affect all of them.
 */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startNeonEndpoint } from "../dev/neon-endpoint.ts";
import { command } from "../ops/command.ts";
import { StartupError } from "../src/startup-error.ts";
import { runAgainst } from "./against.ts";
import { type Catalogue, openCatalogue, POSTGRES_SETTINGS } from "./catalogue.ts";
import { resolveCommit } from "./checkout.ts";
import { reportComparison } from "./comparison.ts";
import { PEER_SEARCHES, type PeerSearch } from "./databases.ts";
import { measureDepth } from "./depth.ts";
import { INSTALL, isInstalled, requireWrk } from "./load.ts";
import { type Options, parseOptions } from "./options.ts";
import { plot } from "./plot.ts";
import { report } from "./report.ts";
import type { Results } from "./results.ts";
import { runOpenLoop, runRounds, type Setting } from "./runner.ts";
import { labelOf, POOL_SIZE, TARGETS, type Target } from "./targets.ts";
import { WORKERD } from "./workerd.ts";

const RESULTS = fileURLToPath(new URL("./results", import.meta.url));

const run = promisify(execFile);

await command(async () => {
  const options = parseOptions(process.argv.slice(2));
  const against = options.against && (await resolveCommit(options.against));
  if (platform() !== "linux")
    throw new StartupError("The benchmark reads CPU time and memory from /proc, so it needs Linux.");
  await requireWrk();
  const { targets, skipped, hasOpenLoop } = await build(options);
  const catalogue = await openCatalogue(options.books, peerSearches(targets));
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => interrupted.abort());
  const neon = await startNeonEndpoint({ postgres: catalogue.url, maxConnections: POOL_SIZE });
  try {
    const setting: Setting = {
      ...options,
      catalogue,
      surroundings: { databaseUrl: catalogue.url, neonUrl: neon.url, body: await bookOf(catalogue) },
      targets,
      servers: TARGETS,
      catalogueOf: (target) => catalogueOf(catalogue, TARGETS[target]),
      interrupted: interrupted.signal,
    };
    const results: Results = {
      ...(await describe(catalogue, options)),
      skipped,
      measurements: against ? await runAgainst(against, setting) : await runRounds(setting),
      depth: options.parts.includes("depth") ? await measureDepth(setting) : [],
      openLoop: [],
    };
    if (options.parts.includes("open-loop") && hasOpenLoop)
      results.openLoop = await runOpenLoop(setting, results);
    console.log(`\n${against ? reportComparison(against, results.measurements) : report(results)}`);
    const name = interrupted.signal.aborted ? "part" : options.name;
    await write(`${name}.json`, `${JSON.stringify({ against, ...results }, null, 1)}\n`);
    if (!against) await write(`${name}.svg`, plot(results));
  } finally {
    await neon.close();
    await catalogue.close();
  }
});

function isPeer(search: string | undefined): search is PeerSearch {
  return search !== undefined && search in PEER_SEARCHES;
}

/** How the peers among the targets search. */
function peerSearches(targets: string[]): PeerSearch[] {
  return [...new Set(targets.map((target) => TARGETS[target]?.search).filter(isPeer))];
}

function catalogueOf(catalogue: Catalogue, target: Target | undefined): Catalogue {
  return isPeer(target?.search) ? catalogue.forPeers(target.search) : catalogue;
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(RESULTS, { recursive: true });
  await writeFile(join(RESULTS, file), text);
  console.log(`Written: bench/results/${file}`);
}

/** Builds the targets. Those whose toolchain is missing are skipped by name. */
async function build({ targets: names, parts }: Options) {
  const targets: string[] = [];
  const skipped: Record<string, string> = {};
  const skip = (what: string, missing: string) => {
    skipped[what] = missing;
    const how = INSTALL[missing as keyof typeof INSTALL];
    console.log(`Skipping ${what}: ${missing} is not installed${how ? ` (${how})` : ""}.`);
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
  if (!hasOpenLoop && parts.includes("open-loop")) skip("the open loop", "oha");
  return { targets, skipped, hasOpenLoop };
}

/** A book as JSON, the response of the bare servers. */
async function bookOf({ client }: Catalogue): Promise<string> {
  const { rows } = await client.query(
    "select id, title, author, isbn, price::float, stock, description, created_at, updated_at from books limit 1",
  );
  return JSON.stringify(rows[0]);
}

/** The date, machine, versions and method of a run. */
async function describe({ client, books }: Catalogue, options: Options) {
  const firstLineOf = (file: string, ...args: string[]) =>
    run(file, args).then(
      ({ stdout }) => stdout.trim().split("\n")[0] ?? "",
      () => "not installed",
    );
  const { rows } = await client.query<{ server_version: string }>("show server_version");
  const [processor] = cpus();
  const { rounds, seconds, warmUp, connections } = options;
  return {
    date: new Date().toISOString(),
    commit: await firstLineOf("git", "rev-parse", "--short", "HEAD"),
    machine: `${cpus().length} × ${processor?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
    versions: {
      node: process.versions.node,
      bun: await firstLineOf("bun", "--version"),
      workerd: await firstLineOf(WORKERD, "--version"),
      postgres: rows[0]?.server_version ?? "",
      rust: await firstLineOf("rustc", "--version"),
      go: await firstLineOf("go", "version"),
      oha: await firstLineOf("oha", "--version"),
      pgbench: await firstLineOf("pgbench", "--version"),
    },
    method: {
      books,
      rounds,
      seconds,
      warmUp,
      connections,
      poolSize: POOL_SIZE,
      postgres: POSTGRES_SETTINGS,
    },
  };
}
