import RateLimiterMemory from "rate-limiter-flexible/lib/RateLimiterMemory.js";
import type { Limiter, Quota } from "../http/rate-limit.ts";

/** Counts exactly, in this process only. A window starts with a key's first request. */
export function memoryLimiter(quota: Quota): Limiter {
  const windows = new RateLimiterMemory({ points: quota.requests, duration: quota.seconds });
  return {
    quota,
    async count(key) {
      // `penalty` only counts; `consume` would throw when the quota is used up.
      const { consumedPoints, remainingPoints, msBeforeNext } = await windows.penalty(key);
      return {
        admitted: consumedPoints <= quota.requests,
        remaining: remainingPoints,
        reset: Math.ceil(msBeforeNext / 1000),
      };
    },
  };
}
