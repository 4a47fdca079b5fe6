import type { RateLimiterAbstract } from "rate-limiter-flexible";
import RateLimiterMemory from "rate-limiter-flexible/lib/RateLimiterMemory.js";
import type { Limiter, Quota, QuotaState } from "../http/rate-limit.ts";

/** Counts exactly, in this process only. A window starts with a key's first request. */
export function memoryLimiter(quota: Quota): Limiter {
  const windows = new RateLimiterMemory({ points: quota.requests, duration: quota.seconds });
  return { quota, count: (key) => countIn(windows, key) };
}

/** Counts one more request under a key. */
export async function countIn(windows: RateLimiterAbstract, key: string): Promise<QuotaState> {
  // `penalty` only counts; `consume` would throw when the quota is used up.
  const { consumedPoints, remainingPoints, msBeforeNext } = await windows.penalty(key);
  return {
    admitted: consumedPoints <= windows.points,
    remaining: remainingPoints,
    reset: Math.ceil(msBeforeNext / 1000),
  };
}
