import { networkOf } from "./address.ts";
import type { Principal } from "./auth/authenticate.ts";
import type { Exchange } from "./exchange.ts";
import { loggedError } from "./observe.ts";
import { Problem } from "./problem.ts";

/** How many requests a client may make in how many seconds. */
export interface Quota {
  requests: number;
  seconds: number;
}

/** Counts requests. Each runtime provides its own. */
export interface Limiter {
  quota: Quota;
  /** Counts one more request under a key. */
  count(key: string): Promise<QuotaState>;
}

/** The state of a client's quota after a request. */
export interface QuotaState {
  /** Whether the request was within the quota. */
  admitted: boolean;
  /** Whole seconds to the end of the window, at least 1; its full length if the runtime does not report them. */
  reset: number;
  /** How many more requests the window admits; undefined if the runtime does not report it. */
  remaining?: number;
  /** Why another limiter has counted than the one that should. */
  fault?: unknown;
}

/**
 * Counts a request for its principal or its network, and adds the RateLimit headers if the state is known. A limiter
 * that fails admits every request.
 *
 * @returns a problem if the request exceeds the quota
 */
export async function takeFromQuota(limiter: Limiter, exchange: Exchange): Promise<Problem | undefined> {
  try {
    const state = await limiter.count(keyOf(exchange.principal, exchange.connection.address));
    if (state.fault) exchange.observed.error = loggedError(state.fault);
    Object.assign(exchange.headers, fieldsOf(limiter.quota, state));
    return state.admitted ? undefined : rateLimited(state);
  } catch (error) {
    exchange.observed.error = loggedError(error);
    return undefined;
  }
}

/** JSON separates issuer and subject unambiguously, and never equals an address. */
function keyOf(principal: Principal | undefined, address = ""): string {
  return principal?.verified
    ? JSON.stringify([principal.issuer ?? null, principal.subject])
    : (networkOf(address) ?? "unknown");
}

/** The quota and what remains of it (draft-ietf-httpapi-ratelimit-headers-11). */
function fieldsOf({ requests, seconds }: Quota, { remaining, reset }: QuotaState) {
  if (remaining === undefined) return {};
  return {
    "RateLimit-Policy": `"default";q=${requests};w=${seconds}`,
    RateLimit: `"default";r=${remaining};t=${reset}`,
  };
}

function rateLimited({ reset }: QuotaState): Problem {
  const message = "The quota is used up; retry after the number of seconds in Retry-After.";
  return new Problem("rate_limited", message, { headers: { "Retry-After": `${reset}` } });
}
