/** Quotas of a Worker, counted exactly: a Durable Object for each client, if `wrangler.toml` binds `RATE_LIMITER_DO`. */
import { DurableObject } from "cloudflare:workers";
import { within } from "../deadline.ts";
import type { Limiter, Quota, QuotaState } from "../http/rate-limit.ts";

/** The window of one client. It begins with the first request. */
export class QuotaWindow extends DurableObject {
  /** Counts one more request. It waits for nothing, so calls cannot mix; replies leave once the count is stored. */
  count({ requests, seconds }: Quota): QuotaState {
    const { storage } = this.ctx;
    const now = Date.now();
    let { count, end } = storage.kv.get<Kept>(KEY) ?? { count: 0, end: 0 };
    if (end <= now) {
      [count, end] = [0, now + seconds * 1000];
      storage.setAlarm(end);
    }
    const admitted = count < requests;
    // Whoever is over the quota costs no writes.
    if (admitted) storage.kv.put(KEY, { count: count + 1, end } satisfies Kept);
    return { admitted, remaining: Math.max(0, requests - count - 1), reset: Math.ceil((end - now) / 1000) };
  }

  /** Deletes what is stored of a client when the window ends. */
  async alarm(): Promise<void> {
    const { storage } = this.ctx;
    const isOver = (storage.kv.get<Kept>(KEY)?.end ?? 0) <= Date.now();
    if (isOver) await storage.deleteAll();
  }
}

interface Kept {
  count: number;
  /** In milliseconds since 1970. */
  end: number;
}

const KEY = "window";

/** The binding: an object by the key of a client. */
export interface QuotaWindows {
  getByName(key: string): { count(quota: Quota): Promise<QuotaState> };
}

/** How long an isolate leaves the objects alone after one has failed. */
const PAUSE_MS = 1000;

/**
 * Counts in Durable Objects, and while they fail in the other limiter.
 *
 * @param timeout milliseconds that a request may wait for its object
 */
export function objectLimiter(
  windows: QuotaWindows,
  quota: Quota,
  { fallback, timeout }: { fallback: Limiter | undefined; timeout: number },
): Limiter {
  let pausedUntil = 0;
  const counted = async (key: string) => {
    if (Date.now() < pausedUntil) throw new Error("The Durable Objects with the quotas have just failed.");
    try {
      return await within(timeout, windows.getByName(key).count(quota));
    } catch (fault) {
      pausedUntil = Date.now() + PAUSE_MS;
      throw fault;
    }
  };
  return {
    quota,
    async count(key) {
      try {
        return await counted(key);
      } catch (fault) {
        if (!fallback) throw fault;
        return { ...(await fallback.count(key)), fault };
      }
    },
  };
}
