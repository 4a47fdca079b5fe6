import { type Authenticator, type Principal, requireRole } from "./auth/authenticate.ts";
import type { LookupOptions } from "./auth/keys.ts";
import { Refusal } from "./auth/refusals.ts";
import type { Sessions } from "./auth/session.ts";
import type { Exchange } from "./exchange.ts";
import { loggedError } from "./observe.ts";
import type { Problem } from "./problem.ts";
import { type Limiter, takeFromQuota } from "./rate-limit.ts";
import type { Role, Route } from "./route.ts";

/** The part of the remaining time that fetching a provider's keys may take; the rest is for the request itself. */
const KEYS_FRACTION = 0.5;

export interface AdmissionOptions {
  authenticator: Authenticator;
  /** Undefined where nobody can sign in. */
  sessions?: Sessions | undefined;
  /** Undefined where requests are not limited. */
  limiter?: Limiter | undefined;
}

/** What of a route decides who may use it. */
export interface Admitted extends Pick<Route, "role" | "unlimited"> {
  /** The route is for whoever has signed in, and reads no token. */
  session?: true;
}

/** How a request may wait for an identity provider's keys, and where it logs what is wrong with them. */
export const lookupOf = (exchange: Exchange): LookupOptions => ({
  deadline: () => AbortSignal.timeout(exchange.timeLeft(KEYS_FRACTION)),
  warn: (fault) => {
    exchange.observed.error = loggedError(fault);
  },
});

/** Decides whether a request may use a route: authentication, then the role, then the quota. */
export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** @throws Problem `unauthorized`, `forbidden`, `service_unavailable`, `rate_limited` */
  async admit(exchange: Exchange, route: Admitted): Promise<void> {
    const { limiter } = this.#options;
    const { role, unlimited, session } = route;
    let excess: Problem | undefined;
    try {
      if (role !== "public") await this.#authorize(exchange, role, session);
    } catch (error) {
      if (error instanceof Refusal) exchange.observed.refusal = error.reason;
      throw error;
    } finally {
      // A rejected request counts too, but keeps its problem: in the order of checks that comes before the quota.
      if (!unlimited && limiter) excess = await takeFromQuota(limiter, exchange);
    }
    if (excess) throw excess;
  }

  async #authorize(exchange: Exchange, role: Exclude<Role, "public">, session = false): Promise<void> {
    const principal = session
      ? this.#signedIn(exchange)
      : await this.#options.authenticator.authenticate(exchange.request.headers, lookupOf(exchange));
    exchange.observed.role = principal.roles.join(" ");
    exchange.principal = principal;
    requireRole(role, principal);
  }

  /** Whoever signed in, and whose session goes on. */
  #signedIn(exchange: Exchange): Principal {
    const { sessions } = this.#options;
    const { headers, url } = exchange.request;
    const session = sessions?.find(headers);
    if (!sessions || !session) throw new Refusal("unauthorized", "This page requires that you sign in.");
    exchange.session = session;
    const cookie = sessions.renewed(session, new URL(url));
    if (cookie) exchange.headers["Set-Cookie"] = cookie;
    return session.principal;
  }
}
