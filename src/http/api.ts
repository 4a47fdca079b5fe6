import type { Context, Hono, MiddlewareHandler } from "hono";
import type { Connect, Database } from "../db/database.ts";
import { type Authenticate, type Caller, requireRole } from "./auth.ts";
import { readBody } from "./body.ts";
import type { CursorSeal } from "./cursor.ts";
import { NO_PRECONDITIONS, parsePreconditions } from "./etag.ts";
import { claimOf } from "./idempotency.ts";
import { loggedError, type Observed, observeDatabase } from "./observe.ts";
import { Problem } from "./problem.ts";
import { counter, type Limiter } from "./rate-limit.ts";
import { respond } from "./reply.ts";
import type { Input, Reply, Role, Route } from "./route.ts";
import { examiner, judge } from "./validate.ts";

/** What an entry knows of a request beside it. */
export interface Bindings {
  /** The client's address, as the runtime tells it; undefined where it does not. */
  address: string | undefined;
}

/** What the middleware of `app.ts` leaves on a request. */
export interface Variables {
  requestId: string;
  observed: Observed;
  /** Headers that the answer will have, whatever it is: see `firstHeaders`. */
  headers: Record<string, string>;
  /** When the time for the request is over, as `performance.now()` will tell. */
  deadline: number;
  /** Who asks, on a route with a role. */
  caller: Caller;
  /** Whether the body was read to its end. */
  isBodyRead: boolean;
}

export type App = Hono<{ Bindings: Bindings; Variables: Variables }>;

/** What routes work with beside their input. A getter in an object literal would be a new shape of object per request. */
export class Tools {
  readonly seal: CursorSeal;
  readonly #open: () => Database;

  constructor(seal: CursorSeal, open: () => Database) {
    this.seal = seal;
    this.#open = open;
  }

  /** The database is opened when it is asked for, so that its time begins then, and some routes never ask. */
  get database(): Database {
    return this.#open();
  }
}

/** Of the time that a request has left, the part that a database call may take; the rest is for the answer. */
const DATABASE_SHARE = 0.9;

/** The part of it that may go into fetching an identity provider's keys; the rest is for the request itself. */
const KEYS_SHARE = 0.5;

/** Puts declared routes on a Hono app: the one way from a declaration to something that answers. */
export class Api {
  readonly routes: Route[] = [];
  readonly #app: App;
  readonly #connect: Connect;
  readonly #authenticate: Authenticate;
  readonly #count: ReturnType<typeof counter>;
  readonly #seal: CursorSeal;

  constructor(
    app: App,
    parts: {
      connect: Connect;
      authenticate: Authenticate;
      limiter: Limiter | undefined;
      seal: CursorSeal;
    },
  ) {
    this.#app = app;
    this.#connect = parts.connect;
    this.#authenticate = parts.authenticate;
    this.#count = counter(parts.limiter);
    this.#seal = parts.seal;
  }

  /** Adds a route: authorization, the quota, the body, validation, then `handle`, which gets only what is good. */
  on<const R extends Route>(
    route: R,
    handle: (input: Input<NoInfer<R>>, tools: Tools) => Promise<Reply<NoInfer<R>>>,
  ): void {
    this.routes.push(route);
    const examine = examiner(route);
    // One handler, as Hono's router and its chain cost more for every one that a request meets.
    this.#app.on(route.method.toUpperCase(), [route.path], async (c) => {
      await this.#admit(c, route);
      const body = route.body && (await readBody(c.req, route.method === "patch", timeLeft(c)));
      c.set("isBodyRead", body !== undefined);
      await examine(c);
      const url = new URL(c.req.url);
      const preconditions = route.conditional ? parsePreconditions(c.req.raw.headers) : NO_PRECONDITIONS;
      const claim =
        route.method === "post" && body ? await claimOf(c.req.raw, url, body, c.get("caller")) : undefined;
      const input = { ...judge(c, route, url, this.#seal), preconditions, claim, url } as Input<R>;
      return respond(c.req, c.get("headers"), await handle(input, this.#tools(c)));
    });
  }

  #tools(c: Context): Tools {
    return new Tools(this.#seal, () =>
      observeDatabase(this.#connect(timeLeft(c, DATABASE_SHARE)), c.get("observed")),
    );
  }

  /** Answers OPTIONS and 405 on every path that has a route; `cors` completes the answer to OPTIONS. */
  finish(cors: MiddlewareHandler): void {
    for (const path of new Set(this.routes.map((route) => route.path))) {
      const routes = this.routes.filter((route) => route.path === path);
      const methods = routes.map((route) => route.method.toUpperCase());
      const allow = [...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ");
      const allowed: MiddlewareHandler = (c, next) => {
        c.get("observed").route = path;
        for (const [name, value] of Object.entries<string>({ ...c.get("headers"), Allow: allow }))
          c.header(name, value);
        return next();
      };
      this.#app.options(path, allowed, cors);
      this.#app.all(path, (c) => {
        c.get("observed").route = path;
        throw new Problem("method_not_allowed", `This path takes ${allow}.`, { headers: { Allow: allow } });
      });
    }
  }

  async #admit(c: Context, route: Route): Promise<void> {
    c.get("observed").route = route.path;
    let excess: Problem | undefined;
    try {
      if (route.role !== "public") await this.#authorize(c, route.role);
    } finally {
      // Who is refused is counted too, but the refusal stands: it is before the quota in the order of checks.
      if (!route.unlimited) excess = await this.#count(c);
    }
    if (excess) throw excess;
  }

  async #authorize(c: Context, role: Exclude<Role, "public">): Promise<void> {
    const observed: Observed = c.get("observed");
    const caller = await this.#authenticate(c.req.raw.headers, {
      deadline: () => AbortSignal.timeout(timeLeft(c, KEYS_SHARE)),
      warn: (fault) => {
        observed.error = loggedError(fault);
      },
    });
    observed.role = caller.roles.join(" ");
    c.set("caller", caller);
    requireRole(role, caller);
  }
}

/** Milliseconds that the request has left, or a share of them. */
export function timeLeft(c: Context, share = 1): number {
  return Math.max(0, Math.floor((c.get("deadline") - performance.now()) * share));
}
