/** The database of a server with its replicas, shared by its requests. */

import { connectOver } from "../db/connection.ts";
import { groupedWrites } from "../db/group-commit.ts";
import { neonDriver } from "../db/neon.ts";
import { type PooledDriver, pooledDriver } from "../db/pool.ts";
import type { Driver } from "../db/ports.ts";
import { batchedReads } from "../db/read-batching.ts";
import { replicatedReads } from "../db/replicas.ts";
import { Scheduler } from "../db/scheduler.ts";
import type { ServerConfig } from "../server-config.ts";
import { openReplicas } from "./replicas.ts";

/** The fraction of the pool that may write at a time, and that may search or count. A smaller one batches more. */
const LANE_FRACTION = 1 / 4;

/** How long to wait for a database call or a request after its deadline. */
export const MARGIN_MS = 1000;

export function openDatabase(config: ServerConfig, warn: (sentence: string) => void) {
  const pool = { size: config.poolSize, timeout: config.deadline + MARGIN_MS, warn };
  const driver = openDriver(config, pool);
  const capacity = config.transport === "http" ? Number.POSITIVE_INFINITY : config.poolSize;
  const share = Math.ceil(capacity * LANE_FRACTION);
  const scheduler = new Scheduler({ capacity, share });
  const reads = batchedReads(driver, scheduler, config.deadline);
  const opened =
    config.readUrls.length > 0
      ? openReplicas({ config, laneFraction: LANE_FRACTION, margin: MARGIN_MS, tell: warn })
      : undefined;
  const replicas = opened?.replicas;
  return {
    replicas,
    schedulers: [scheduler, ...(opened?.schedulers ?? [])],
    pools: [...(driver.state ? [driver.state] : []), ...(opened?.pools ?? [])],
    connect: connectOver({
      reads: replicas ? replicatedReads(reads, replicas) : reads,
      writes: groupedWrites(driver, scheduler, share, replicas?.onPosition),
    }),
    end: () => Promise.all([driver.end?.(), opened?.end()]),
  };
}

/** Opens the database by the transport that is configured. Neon's HTTP has no connections, and so no pool. */
export function openDriver(
  { transport, databaseUrl, neonFetchEndpoint }: ServerConfig,
  pool: { size: number; timeout: number; warn: (sentence: string) => void },
): Driver & Partial<PooledDriver> {
  return transport === "http"
    ? neonDriver({ url: databaseUrl, fetchEndpoint: neonFetchEndpoint })
    : pooledDriver({ url: databaseUrl, ...pool });
}
