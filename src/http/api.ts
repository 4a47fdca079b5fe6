import type { Context, Hono } from "hono";
import type { Connect, Database } from "../db/ports.ts";
import { type Authenticate, requireRole } from "./auth.ts";
import { readBody } from "./body.ts";
import type { CrossOrigin } from "./cors.ts";
import type { CursorSeal } from "./cursor.ts";
import { NO_PRECONDITIONS, parsePreconditions } from "./etag.ts";
import type { Exchange, Handler } from "./exchange.ts";
import { claimOf } from "./idempotency.ts";
import { loggedError, observeDatabase } from "./observe.ts";
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

export type App = Hono<{ Bindings: Bindings }>;

/** Makes what Hono calls of what answers: everything that all requests pass goes before it and behind it. */
export type Pass = (handle: Handler, role: Role) => (c: Context) => Promise<Response>;

/** What routes work with beside their input. A getter in an object literal would be a new shape of object per request. */
export class Tools {
  readonly seal: CursorSeal;
  /** Takes what is wrong although the request is answered, for the log. */
  readonly warn: (fault: unknown) => void;
  readonly #open: () => Database;

  constructor(seal: CursorSeal, open: () => Database, warn: (fault: unknown) => void) {
    this.seal = seal;
    this.#open = open;
    this.warn = warn;
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
  readonly #pass: Pass;
  readonly #connect: Connect;
  readonly #authenticate: Authenticate;
  readonly #count: ReturnType<typeof counter>;
  readonly #seal: CursorSeal;

  constructor(
    app: App,
    pass: Pass,
    parts: {
      connect: Connect;
      authenticate: Authenticate;
      limiter: Limiter | undefined;
      seal: CursorSeal;
    },
  ) {
    this.#app = app;
    this.#pass = pass;
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
    const answer: Handler = async (c, exchange) => {
      exchange.observed.route = route.path;
      await this.#admit(c, exchange, route);
      const body = route.body && (await readBody(c.req, route.method === "patch", exchange.timeLeft()));
      exchange.isBodyRead = body !== undefined;
      await examine(c);
      const url = new URL(c.req.url);
      const preconditions = route.conditional ? parsePreconditions(c.req.raw.headers) : NO_PRECONDITIONS;
      const { caller } = exchange;
      const claim =
        route.method === "post" && body && caller
          ? await claimOf(c.req.raw, url, body, caller, route)
          : undefined;
      const input = { ...judge(c, route, url, this.#seal), preconditions, claim, url } as Input<R>;
      return respond(c.req, exchange.headers, await handle(input, this.#tools(exchange)));
    };
    // No middleware, and one handler for a route: what answers alone costs Hono no chain of calls.
    this.#app.on(route.method.toUpperCase(), [route.path], this.#pass(answer, route.role));
  }

  #tools(exchange: Exchange): Tools {
    const { observed } = exchange;
    return new Tools(
      this.#seal,
      () => observeDatabase(this.#connect(exchange.timeLeft(DATABASE_SHARE)), observed),
      (fault) => {
        observed.error = loggedError(fault);
      },
    );
  }

  /** Answers what no route takes: OPTIONS and 405 on every path that has a route, 404 elsewhere. */
  finish(preflight: CrossOrigin["preflight"]): void {
    const methods = [...new Set(this.routes.map(({ method }) => method.toUpperCase()))];
    const answer: Handler = async (c, { headers, observed }) => {
      const { path, method } = c.req;
      const matches = methods.flatMap((method) => this.#app.router.match(method, path)[0][0]?.[0][1] ?? []);
      const [match] = matches;
      if (!match) throw new Problem("not_found", `There is nothing at this path: ${path.slice(0, 200)}.`);
      observed.route = match.path;
      const takes = matches.map(({ method }) => method);
      const allow = [...takes, ...(takes.includes("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ");
      if (method !== "OPTIONS") {
        throw new Problem("method_not_allowed", `This path takes ${allow}.`, { headers: { Allow: allow } });
      }
      return respond(c.req, headers, { status: 204, headers: { ...preflight(c.req), Allow: allow } });
    };
    this.#app.notFound(this.#pass(answer, "public"));
  }

  async #admit(c: Context, exchange: Exchange, route: Route): Promise<void> {
    let excess: Problem | undefined;
    try {
      if (route.role !== "public") await this.#authorize(c, exchange, route.role);
    } finally {
      // Who is refused is counted too, but the refusal stands: it is before the quota in the order of checks.
      if (!route.unlimited) excess = await this.#count(exchange, c.env);
    }
    if (excess) throw excess;
  }

  async #authorize(c: Context, exchange: Exchange, role: Exclude<Role, "public">): Promise<void> {
    const { observed } = exchange;
    const caller = await this.#authenticate(c.req.raw.headers, {
      deadline: () => AbortSignal.timeout(exchange.timeLeft(KEYS_SHARE)),
      warn: (fault) => {
        observed.error = loggedError(fault);
      },
    });
    observed.role = caller.roles.join(" ");
    exchange.caller = caller;
    requireRole(role, caller);
  }
}
