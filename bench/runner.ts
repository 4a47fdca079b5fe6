/** Runs targets under workloads, one at a time. */
import cliProgress from "cli-progress";
import { StartupError } from "../src/startup-error.ts";
import type { Catalogue } from "./catalogue.ts";
import { closedLoop, openLoop } from "./load.ts";
import { PGBENCH_WORKLOADS, pgbench } from "./pgbench.ts";
import { figure, type Measurement, type OpenLoop, type Results } from "./results.ts";
import { cpuSeconds, peakMemory, type Server } from "./servers.ts";
import { labelOf, type Surroundings, TARGETS, type Target } from "./targets.ts";
import { verify } from "./verify.ts";
import { OWN_BOOKS, WORKLOADS, type Workload } from "./workloads.ts";

/** Of the load in the open loop, as many as never wait for each other. */
const OPEN_CONNECTIONS = 256;
/** Answers looked at before each measurement. */
const VERIFIED = 3;

export const PGBENCH = "pgbench";

export interface Setting {
  catalogue: Catalogue;
  surroundings: Surroundings;
  targets: string[];
  /** The workloads to run, among other parts. */
  parts: string[];
  rounds: number;
  /** Of the load, in the closed loop. */
  connections: number;
  /** Of each measurement, and of the load before it. */
  seconds: number;
  warmUp: number;
  /** After Ctrl-C nothing new is begun, and what there is by then is the result. */
  interrupted: AbortSignal;
}

/** All targets under one workload, then under the next, and all that again in each round. */
export async function runRounds(setting: Setting): Promise<Measurement[]> {
  const { rounds, targets, parts, interrupted } = setting;
  const steps = Array.from({ length: rounds }, (_, round) =>
    parts.flatMap((workload) =>
      // Who comes first is another in each round.
      [...targets.slice(round % targets.length), ...targets.slice(0, round % targets.length)]
        .filter((target) => takesPart(target, workload))
        .map((target) => ({ workload, target, round })),
    ),
  ).flat();
  const bar = new cliProgress.SingleBar({
    format: "{bar} {value} of {total}, {eta_formatted} to go. {doing}",
  });
  bar.start(steps.length, 0, { doing: "" });
  const measurements: Measurement[] = [];
  try {
    for (const step of steps) {
      if (interrupted.aborted) break;
      const doing = `${WORKLOADS[step.workload]?.label}: ${labelOf(step.target)}`;
      bar.update({ doing });
      measurements.push({ ...step, ...(await telling(doing, measure(setting, step))) });
      if (WORKLOADS[step.workload]?.writes) await setting.catalogue.removeCreated();
      bar.increment();
    }
  } catch (error) {
    // Ctrl-C ends the load as well.
    if (!interrupted.aborted) throw error;
  } finally {
    bar.stop();
  }
  return measurements;
}

function takesPart(target: string, workload: string): boolean {
  if (!WORKLOADS[workload]) return false;
  if (target === PGBENCH) return PGBENCH_WORKLOADS.includes(workload);
  return workload === "point" || !TARGETS[target]?.isBare;
}

/** Says in an expected error whose it is. */
async function telling<T>(whose: string, result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof StartupError) throw new StartupError(`${whose}: ${error.message}`);
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
 * Starts a target and does work on it, once its answers are found to be right.
 *
 * @param work gets the requests of the workload, and the number of the first ISBN that is free for them
 */
async function onServer<T>(
  { catalogue, surroundings }: Setting,
  { workload, target }: { workload: string; target: string },
  work: (server: Server, requests: HttpRequests, isbns: number) => Promise<T>,
): Promise<T> {
  const { dialect, isBare, start } = TARGETS[target] as Target;
  const number = catalogue.reserveIsbns();
  const asks = await (WORKLOADS[workload] as Workload).asks(catalogue, number);
  const server = await start(target, surroundings);
  try {
    const firstFree = number + OWN_BOOKS;
    if (!isBare) {
      for (const [at, ask] of asks.slice(0, VERIFIED).entries())
        await verify(server.origin, dialect, ask, { client: catalogue.client, number: firstFree + at });
    }
    return await work(server, await Promise.all(asks.map(dialect)), firstFree + VERIFIED);
  } finally {
    await server.stop();
  }
}

/** Searches at half of the rate that each target reached in the rounds; for those that the tables are about. */
export async function runOpenLoop(setting: Setting, results: Results): Promise<OpenLoop[]> {
  const found: OpenLoop[] = [];
  for (const target of setting.targets) {
    const most = figure(results, "search", target, "rate");
    if (most === undefined) continue;
    if (setting.interrupted.aborted) break;
    console.log(`Search, open loop: ${labelOf(target)}`);
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
