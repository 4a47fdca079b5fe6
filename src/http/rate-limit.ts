import { networkOf } from "./address.ts";
import type { Principal } from "./auth.ts";
import type { Exchange } from "./exchange.ts";
import { loggedError } from "./observe.ts";
import { Problem } from "./problem.ts";

/** How many requests a client may make in how many seconds. */
export interface Quota {
  requests: number;
  seconds: number;
}

/** Counts requests, by whatever means the runtime has. */
export interface Limiter {
  quota: Quota;
  /** Counts one more request under a key. */
  count(key: string): Promise<QuotaState>;
}

/** The state of a client's quota after a request. */
export interface QuotaState {
  /** Whether the request was within the quota. */
  admitted: boolean;
  /** Whole seconds to the end of the window, at least 1; its full length where the runtime does not tell. */
  reset: number;
  /** How many more requests the window admits; undefined where the runtime does not tell. */
  remaining?: number;
}

/**
 * Counts a request for its principal or its network, and adds the RateLimit headers where the state is known. A limiter
 * that fails admits everybody.
 *
 * @returns the problem of a request beyond the quota
 */
export async function takeFromQuota(limiter: Limiter, exchange: Exchange): Promise<Problem | undefined> {
  try {
    const state = await limiter.count(keyOf(exchange.principal, exchange.connection.address));
    Object.assign(exchange.headers, fieldsOf(limiter.quota, state));
    return state.admitted ? undefined : rateLimited(state);
  } catch (error) {
    exchange.observed.error = loggedError(error);
    return undefined;
  }
}

/** JSON keeps issuer and subject apart, whatever they hold, and is never mistaken for an address. */
function keyOf(principal: Principal | undefined, address = ""): string {
  return principal?.verified
    ? JSON.stringify([principal.issuer ?? null, principal.subject])
    : (networkOf(address) ?? "unknown");
}

/** draft-ietf-httpapi-ratelimit-headers-11: the policy, and what is left of it. */
function fieldsOf({ requests, seconds }: Quota, { remaining, reset }: QuotaState) {
  if (remaining === undefined) return {};
  return {
    "RateLimit-Policy": `"default";q=${requests};w=${seconds}`,
    RateLimit: `"default";r=${remaining};t=${reset}`,
  };
}

function rateLimited({ reset }: QuotaState): Problem {
  const message = "There were too many requests; try again after the seconds that Retry-After names.";
  return new Problem("rate_limited", message, { headers: { "Retry-After": `${reset}` } });
}
