import { QuotaWindows } from "../db/quota-windows.ts";
import type { Quota } from "../http/rate-limit.ts";
import type { ServerConfig } from "../server-config.ts";
import { openDriver } from "./database.ts";
import type { QuotaStore } from "./shared-limiter.ts";

/**
 * Counts in the database, over a connection of its own: requests are counted while statements wait for those of the pool.
 *
 * @param timeout milliseconds for a statement
 */
export function openPostgres(config: ServerConfig, quota: Quota, timeout: number): QuotaStore {
  const driver = openDriver(config, { size: 1, timeout, warn: () => {} });
  const windows = new QuotaWindows(driver, quota.seconds, timeout);
  return {
    async count(key) {
      const { requests, left } = await windows.count(key);
      return {
        admitted: requests <= quota.requests,
        remaining: Math.max(0, quota.requests - requests),
        // A statement that waited for another counts in a window that began after it.
        reset: Math.min(quota.seconds, Math.max(1, Math.ceil(left / 1000))),
      };
    },
    close: () => void driver.end?.().catch(() => {}),
  };
}
