/** The replicas of a server: how it reaches them, and the look at each of them every second. */
import { setTimeout as sleep } from "node:timers/promises";
import { neonDriver } from "../db/neon.ts";
import { type PooledDriver, type PoolState, pooledDriver } from "../db/pool.ts";
import type { Driver, Row } from "../db/ports.ts";
import { IDENTITY, standingAt } from "../db/position.ts";
import { batchedReads } from "../db/read-batching.ts";
import { REPLICA_FRACTION, Replicas } from "../db/replicas.ts";
import { Scheduler } from "../db/scheduler.ts";
import type { Statement } from "../db/statements.ts";
import { deadlineIn, within } from "../deadline.ts";
import type { ServerConfig } from "../server-config.ts";

const EXAMINED_MS = 1000;
/** Who has not told how it stands within this time hangs. */
const ANSWER_MS = 2000;

export interface ServerReplicas {
  replicas: Replicas;
  schedulers: Scheduler[];
  pools: (() => PoolState)[];
  end(): Promise<void>;
}

interface Options {
  config: ServerConfig;
  /** The fraction of each pool that may search or count. */
  laneFraction: number;
  /** Milliseconds that a connection may take longer than a call. */
  margin: number;
  tell(sentence: string): void;
}

type AnyDriver = Driver & Partial<PooledDriver>;

/** Opens the replicas of the configuration. */
export function openReplicas({ config, laneFraction, margin, tell }: Options): ServerReplicas {
  const { deadline, poolSize, transport, readUrls, maxLag } = config;
  const timeout = deadline * REPLICA_FRACTION;
  const drivers: AnyDriver[] = [];
  const schedulers: Scheduler[] = [];
  const open = (url: string, size: number, timeout: number): AnyDriver => {
    const driver =
      transport === "http"
        ? neonDriver({ url, fetchEndpoint: config.neonFetchEndpoint })
        : pooledDriver({ url, size, timeout: timeout + margin, warn: tell });
    drivers.push(driver);
    return driver;
  };
  const opened = readUrls.map((url) => {
    const driver = open(url, poolSize, timeout);
    const capacity = transport === "http" ? Number.POSITIVE_INFINITY : poolSize;
    const scheduler = new Scheduler({ capacity, share: Math.ceil(capacity * laneFraction) });
    schedulers.push(scheduler);
    return {
      name: new URL(url).host,
      driver,
      reads: batchedReads(timed(driver, timeout), scheduler, timeout),
    };
  });
  const pools = drivers.flatMap(({ state }) => state ?? []);
  const replicas = new Replicas(opened, { maxLag, tell });
  // Connections of their own, because those of a busy pool answer late.
  const watch = (url: string) => open(url, 1, ANSWER_MS);
  const ended = new AbortController();
  watchAll(replicas, watch(config.databaseUrl), readUrls.map(watch), ended.signal);
  return {
    replicas,
    schedulers,
    pools,
    async end() {
      ended.abort();
      await Promise.all(drivers.map((driver) => driver.end?.()));
    },
  };
}

/** Gives up statements that take longer, so that their callers have time to ask the primary. */
const timed = (driver: Driver, timeout: number): Driver => ({
  ...driver,
  query: (...call) => within(timeout, driver.query(...call)),
  batch: (...call) => within(timeout, driver.batch(...call)),
});

/** Examines the primary and its replicas until the signal aborts, each without waiting for the others. */
async function watchAll(
  replicas: Replicas,
  primary: Driver,
  drivers: Driver[],
  signal: AbortSignal,
): Promise<void> {
  const identify = async () => {
    const row = await ask(primary, IDENTITY).catch(() => undefined);
    // While the primary cannot be reached, its replicas stay what they were.
    if (row) replicas.home = row.home as string;
  };
  // Before it is known, no replica can be compared with it.
  await identify();
  repeat(signal, identify);
  for (const [at, replica] of replicas.all.entries()) {
    repeat(signal, async () => {
      try {
        replica.examine(await ask(drivers[at] as Driver, standingAt(undefined)), replicas.home);
      } catch (error) {
        replica.fail(error);
      }
    });
  }
}

async function ask(driver: Driver, statement: Statement): Promise<Row | undefined> {
  const [row] = await within(ANSWER_MS, driver.query(statement, deadlineIn(ANSWER_MS)));
  return row;
}

async function repeat(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await work();
    await sleep(EXAMINED_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}
