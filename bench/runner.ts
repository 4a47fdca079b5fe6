/** Measures targets under workloads, one at a time. */
import cliProgress from "cli-progress";
import { StartupError } from "../src/startup-error.ts";
import type { Catalogue } from "./catalogue.ts";
import { closedLoop, openLoop } from "./load.ts";
import { PGBENCH_WORKLOADS, pgbench } from "./pgbench.ts";
import { figure, type Measurement, type OpenLoop, type Results } from "./results.ts";
import { cpuSeconds, peakMemory, type Server } from "./servers.ts";
import { PGBENCH, type Surroundings, type Target } from "./targets.ts";
import { ALL_KINDS } from "./terms.ts";
import { verify } from "./verify.ts";
import { OWN_BOOKS, WORKLOADS, type Workload } from "./workloads.ts";

/** Connections of the open loop: enough that no request waits for another. */
const OPEN_CONNECTIONS = 256;
/** How many responses are checked before each measurement: of each kind of search, one. */
const VERIFIED = ALL_KINDS;

export interface Setting {
  catalogue: Catalogue;
  surroundings: Surroundings;
  /** The names of the targets to measure: servers, and pgbench. */
  targets: string[];
  servers: Record<string, Target>;
  /** The same books in the database of a target. */
  catalogueOf(target: string): Catalogue;
  /** The workloads to run; `depth` and `open-loop` are ignored here. */
  parts: string[];
  rounds: number;
  /** Connections of the closed loop. */
  connections: number;
  /** The duration of each measurement, and of the load before it. */
  seconds: number;
  warmUp: number;
  /** After Ctrl-C no measurement begins, and those that are complete are the result. */
  interrupted: AbortSignal;
}

/** In each round, measures all targets under one workload, then under the next. */
export async function runRounds(setting: Setting): Promise<Measurement[]> {
  const { rounds, targets, servers, parts, interrupted } = setting;
  const steps = Array.from({ length: rounds }, (_, round) =>
    parts.flatMap((workload) =>
      // Another target begins in each round.
      [...targets.slice(round % targets.length), ...targets.slice(0, round % targets.length)]
        .filter((target) => takesPart(setting, target, workload))
        .map((target) => ({ workload, target, round })),
    ),
  ).flat();
  const bar = new cliProgress.SingleBar({
    format: "{bar} {value} of {total}, {eta_formatted} left. {doing}",
  });
  bar.start(steps.length, 0, { doing: "" });
  const measurements: Measurement[] = [];
  try {
    for (const step of steps) {
      if (interrupted.aborted) break;
      const doing = `${WORKLOADS[step.workload]?.label}: ${servers[step.target]?.label ?? step.target}`;
      bar.update({ doing });
      measurements.push({ ...step, ...(await naming(doing, measure(setting, step))) });
      if (WORKLOADS[step.workload]?.writes) await setting.catalogueOf(step.target).removeCreated();
      bar.increment();
    }
  } catch (error) {
    // Ctrl-C also ends the load generator.
    if (!interrupted.aborted) throw error;
  } finally {
    bar.stop();
  }
  return measurements;
}

function takesPart({ servers }: Setting, target: string, workload: string): boolean {
  if (!WORKLOADS[workload]) return false;
  if (target === PGBENCH) return PGBENCH_WORKLOADS.includes(workload);
  return workload === "point" || !servers[target]?.isBare;
}

/** Puts the name of the measurement before the message of an expected error. */
async function naming<T>(name: string, result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof StartupError) throw new StartupError(`${name}: ${error.message}`);
    throw error;
  }
}

async function measure(setting: Setting, step: { workload: string; target: string }) {
  const { catalogue, connections, seconds, warmUp } = setting;
  const { postmaster } = catalogue;
  if (step.target === PGBENCH) {
    await pgbench(step.workload, catalogue, warmUp);
    const before = await cpuSeconds(postmaster);
    const { rate, requests } = await pgbench(step.workload, catalogue, seconds);
    return { rate, postgresCpu: perRequest((await cpuSeconds(postmaster)) - before, requests) };
  }
  return onServer(setting, step, async ({ origin, pid }, requests, isbns) => {
    const load = (seconds: number, isbns: number) =>
      closedLoop(origin, requests, { connections, seconds, isbns });
    const warm = await load(warmUp, isbns);
    const [own, postgres] = [await cpuSeconds(pid), await cpuSeconds(postmaster)];
    const { rate, p50, p99, requests: answered } = await load(seconds, isbns + warm.requests + connections);
    return {
      rate,
      p50,
      p99,
      serverCpu: perRequest((await cpuSeconds(pid)) - own, answered),
      postgresCpu: perRequest((await cpuSeconds(postmaster)) - postgres, answered),
      memory: await peakMemory(pid),
    };
  });
}

const perRequest = (seconds: number, requests: number) => (seconds * 1e6) / requests;

type HttpRequests = Parameters<typeof closedLoop>[1];

/**
 * Starts a target, checks its responses, and runs `work` on it.
 *
 * @param work takes the requests of the workload, and the number of the first ISBN that they may create
 */
async function onServer<T>(
  { catalogueOf, surroundings, servers }: Setting,
  { workload, target }: { workload: string; target: string },
  work: (server: Server, requests: HttpRequests, isbns: number) => Promise<T>,
): Promise<T> {
  const { dialect, search, isBare, start } = servers[target] as Target;
  const catalogue = catalogueOf(target);
  const number = catalogue.reserveIsbns();
  const asks = await (WORKLOADS[workload] as Workload).asks(catalogue, number);
  const server = await start(target, { ...surroundings, databaseUrl: catalogue.url });
  try {
    const firstFree = number + OWN_BOOKS;
    if (!isBare) {
      for (const [at, ask] of asks.slice(0, VERIFIED).entries())
        await verify(server.origin, { dialect, search }, ask, {
          client: catalogue.client,
          number: firstFree + at,
        });
    }
    return await work(server, await Promise.all(asks.map(dialect)), firstFree + VERIFIED);
  } finally {
    await server.stop();
  }
}

/** Searches at half of the rate that each target reached in the closed loop. */
export async function runOpenLoop(setting: Setting, results: Results): Promise<OpenLoop[]> {
  const found: OpenLoop[] = [];
  for (const target of setting.targets) {
    const most = figure(results, "search", target, "rate");
    if (most === undefined) continue;
    if (setting.interrupted.aborted) break;
    console.log(`Search, open loop: ${setting.servers[target]?.label ?? target}`);
    const { rate, p50, p99 } = await onServer(
      setting,
      { workload: "search", target },
      async ({ origin }, requests) => {
        const load = { connections: OPEN_CONNECTIONS, rate: most / 2 };
        await openLoop(origin, requests, { ...load, seconds: setting.warmUp });
        return openLoop(origin, requests, { ...load, seconds: 2 * setting.seconds });
      },
    );
    found.push({ target, rate, p50, p99 });
  }
  return found;
}
