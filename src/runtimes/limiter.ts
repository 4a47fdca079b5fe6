/** Where a server counts quotas. */

import type { Limiter, Quota } from "../http/rate-limit.ts";
import type { ServerConfig } from "../server-config.ts";
import { memoryLimiter } from "./memory-limiter.ts";
import type { QuotaStore, SharedLimiter, StoreState } from "./shared-limiter.ts";

export interface ServerLimiter {
  /** Undefined where requests are not limited. */
  limiter: Limiter | undefined;
  /** The state of the store; undefined where there is none. */
  store: StoreState | undefined;
  close(): void;
}

/** The part of a request's time that counting it may take. */
const TIME_FRACTION = 1 / 20;

/** @param tell is told that the store is up again, or why it is away */
export async function startLimiter(
  config: ServerConfig,
  tell: (isUp: boolean, reason?: string) => void,
): Promise<ServerLimiter> {
  const { rateLimit: quota, rateLimitStore } = config;
  if (!quota || rateLimitStore === "memory")
    return { limiter: quota && memoryLimiter(quota), store: undefined, close() {} };
  const limiter = await startShared(config, quota, tell);
  return { limiter, store: limiter.state, close: () => limiter.close() };
}

async function startShared(
  config: ServerConfig,
  quota: Quota,
  tell: (isUp: boolean, reason?: string) => void,
): Promise<SharedLimiter> {
  const timeout = config.deadline * TIME_FRACTION;
  const [{ SharedLimiter }, open] = await Promise.all([
    import("./shared-limiter.ts"),
    opener(config, quota, timeout),
  ]);
  const limiter = new SharedLimiter({ quota, open, timeout, tell });
  await limiter.start();
  return limiter;
}

async function opener(config: ServerConfig, quota: Quota, timeout: number): Promise<() => QuotaStore> {
  if (config.rateLimitStore === "postgres") {
    const { openPostgres } = await import("./postgres-store.ts");
    return () => openPostgres(config, quota, timeout);
  }
  const { openRedis } = await import("./redis-store.ts");
  return () => openRedis(config.rateLimitStore, quota);
}
