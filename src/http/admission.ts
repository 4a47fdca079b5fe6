import { type Authenticate, type Authentication, authenticator, requireRole } from "./auth/authenticate.ts";
import { Refusal } from "./auth/refusals.ts";
import type { Exchange } from "./exchange.ts";
import { loggedError } from "./observe.ts";
import type { Problem } from "./problem.ts";
import { type Limiter, takeFromQuota } from "./rate-limit.ts";
import type { Role, Route } from "./route.ts";

/** The part of the remaining time that fetching a provider's keys may take; the rest is for the request itself. */
const KEYS_FRACTION = 0.5;

/** Decides whether a request may use a route: authentication, then the role, then the quota. */
export class Admission {
  readonly #authenticate: Authenticate;
  readonly #limiter: Limiter | undefined;

  constructor(authentication: Authentication, limiter: Limiter | undefined) {
    this.#authenticate = authenticator(authentication);
    this.#limiter = limiter;
  }

  /** @throws Problem `unauthorized`, `forbidden`, `service_unavailable`, `rate_limited` */
  async admit(exchange: Exchange, { role, unlimited }: Pick<Route, "role" | "unlimited">): Promise<void> {
    let excess: Problem | undefined;
    try {
      if (role !== "public") await this.#authorize(exchange, role);
    } catch (error) {
      if (error instanceof Refusal) exchange.observed.refusal = error.reason;
      throw error;
    } finally {
      // A rejected request counts too, but keeps its problem: in the order of checks that comes before the quota.
      if (!unlimited && this.#limiter) excess = await takeFromQuota(this.#limiter, exchange);
    }
    if (excess) throw excess;
  }

  async #authorize(exchange: Exchange, role: Exclude<Role, "public">): Promise<void> {
    const { observed } = exchange;
    const principal = await this.#authenticate(exchange.request.headers, {
      deadline: () => AbortSignal.timeout(exchange.timeLeft(KEYS_FRACTION)),
      warn: (fault) => {
        observed.error = loggedError(fault);
      },
    });
    observed.role = principal.roles.join(" ");
    exchange.principal = principal;
    requireRole(role, principal);
  }
}
