import { waitUntil } from "cloudflare:workers";
import { type PoolOptions, pooledDriver } from "./pool.ts";
import type { Driver } from "./ports.ts";

/**
 * Hyperdrive, which pools the connections to Postgres outside of the Worker: every call opens a connection to it, and holds
 * none afterwards, because I/O of a Worker may not outlive its request.
 */
export function hyperdriveDriver(options: Pick<PoolOptions, "url" | "timeout">): Driver {
  const once = async <T>(run: (driver: Driver) => Promise<T>): Promise<T> => {
    const driver = pooledDriver({ ...options, size: 1 });
    try {
      return await run(driver);
    } finally {
      // The reply does not wait for the goodbye. Without it, the connection stays open until its object is collected.
      waitUntil(driver.end().catch(() => {}));
    }
  };
  return {
    query: (...call) => once((driver) => driver.query(...call)),
    batch: (...call) => once((driver) => driver.batch(...call)),
  };
}
