/** The store where servers count quotas together. */

import { within } from "../../src/deadline.ts";
import { reasonOf } from "../../src/runtimes/shared-limiter.ts";
import type { ServerConfig } from "../../src/server-config.ts";
import { type Finding, ok, warning } from "./finding.ts";

const TIMEOUT_MS = 2000;

/** Looks at a Redis. The table in the database is among the rights of the app's role. */
export async function examineQuotas(config?: ServerConfig): Promise<Finding[]> {
  if (!config?.rateLimit || !/^rediss?:/.test(config.rateLimitStore)) return [];
  const { openRedis } = await import("../../src/runtimes/redis-store.ts");
  const { host } = new URL(config.rateLimitStore);
  const store = openRedis(config.rateLimitStore, config.rateLimit);
  try {
    await within(TIMEOUT_MS, store.ping());
    return [ok("quotas", `The store of quotas answers at ${host}.`)];
  } catch (error) {
    const reason = reasonOf(error).replace(/\.$/, "");
    const message = `The store of quotas at ${host} cannot be used (${reason}), so each process counts for itself.`;
    return [warning("quotas", message, "Start it, or correct RATE_LIMIT_STORE.")];
  } finally {
    store.close();
  }
}
