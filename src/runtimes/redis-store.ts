import { Redis } from "ioredis";
import RateLimiterRedis from "rate-limiter-flexible/lib/RateLimiterRedis.js";
import type { Quota } from "../http/rate-limit.ts";
import { countIn } from "./memory-limiter.ts";
import type { QuotaStore } from "./shared-limiter.ts";

/** Counts in a Redis or a Valkey. A script counts and reads the time that is left, so the clock is the store's. */
export function openRedis(url: string, quota: Quota): QuotaStore & { ping(): Promise<void> } {
  const client = new Redis(url, {
    connectionName: "octavo",
    lazyConnect: true,
    // Who uses the store tries again, and over a new connection. Nothing waits for one here.
    retryStrategy: () => null,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    // It asks for INFO, which a restricted user may not have.
    enableReadyCheck: false,
  });
  const connected = new Promise<void>((resolve, reject) => {
    // The error that comes first says why. Without a listener, the client would print it.
    client.on("error", reject);
    client.connect().then(resolve, reject);
  });
  const windows = new RateLimiterRedis({
    storeClient: client,
    keyPrefix: "octavo",
    points: quota.requests,
    duration: quota.seconds,
  });
  return {
    async count(key) {
      await connected;
      if (client.status !== "ready") throw new Error("Connection is closed.");
      return countIn(windows, key);
    },
    async ping() {
      await connected;
      await client.ping();
    },
    close: () => client.disconnect(),
  };
}
