import { networkOf } from "./address.ts";
import type { Bindings } from "./api.ts";
import type { Caller } from "./auth.ts";
import type { Exchange } from "./exchange.ts";
import { loggedError } from "./observe.ts";
import { Problem } from "./problem.ts";

/** How many requests a client may make in how many seconds. */
export interface Quota {
  requests: number;
  seconds: number;
}

/** What a runtime counts requests with. */
export interface Limiter {
  quota: Quota;
  /** Counts one more request under a key. */
  count(key: string): Promise<Admission>;
}

/** What becomes of a request. */
export interface Admission {
  admitted: boolean;
  /** Whole seconds to the end of the window, at least 1; all that it has, where the runtime does not tell. */
  reset: number;
  /** How many more would be admitted until then; undefined, where the runtime does not tell. */
  remaining?: number;
}

/**
 * Makes what counts each request for whoever makes it, and sends along how the client stands, where that is known.
 *
 * @returns the problem to answer with, where the request is one too many. A limiter that fails holds nobody up
 */
export function counter(limiter: Limiter | undefined) {
  return async (exchange: Exchange, bindings: Bindings): Promise<Problem | undefined> => {
    if (!limiter) return undefined;
    try {
      const admission = await limiter.count(keyOf(exchange.caller, bindings.address));
      Object.assign(exchange.headers, fieldsOf(limiter.quota, admission));
      return admission.admitted ? undefined : rateLimited(admission);
    } catch (error) {
      exchange.observed.error = loggedError(error);
      return undefined;
    }
  };
}

/** As JSON the names of a token stay apart, whatever they hold, and are never taken for an address. */
function keyOf(caller: Caller | undefined, address = ""): string {
  return caller?.verified
    ? JSON.stringify([caller.issuer ?? null, caller.subject])
    : (networkOf(address) ?? "unknown");
}

/** draft-ietf-httpapi-ratelimit-headers-11: the policy, and what is left of it. */
function fieldsOf({ requests, seconds }: Quota, { remaining, reset }: Admission) {
  if (remaining === undefined) return {};
  return {
    "RateLimit-Policy": `"default";q=${requests};w=${seconds}`,
    RateLimit: `"default";r=${remaining};t=${reset}`,
  };
}

function rateLimited({ reset }: Admission): Problem {
  const message = "There were too many requests; try again after the seconds that Retry-After names.";
  return new Problem("rate_limited", message, { headers: { "Retry-After": `${reset}` } });
}
