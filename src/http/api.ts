import { Hono, type HonoRequest } from "hono";
import type { Connect } from "../db/ports.ts";
import { parseJson, requireMediaType } from "./body.ts";
import { CursorSeal } from "./cursor.ts";
import { NO_PRECONDITIONS, parsePreconditions } from "./etag.ts";
import type { App, Exchange } from "./exchange.ts";
import { type Handler, HandlerContext } from "./handler.ts";
import { claimOf, rejectKey } from "./idempotency-key.ts";
import { PageWriter } from "./paging.ts";
import { Pipeline, type PipelineOptions } from "./pipeline.ts";
import { type ConstraintMeanings, Problem } from "./problem.ts";
import type { AnyReply } from "./reply.ts";
import { type Input, isKeyed, type Route } from "./route.ts";
import { validate } from "./validate.ts";

export interface ApiOptions extends PipelineOptions {
  connect: Connect;
}

/** A route with its handler. */
interface Endpoint {
  route: Route;
  handle: Handler<Route>;
  constraints: ConstraintMeanings;
}

/** The endpoints of a path, by method. */
type Endpoints = Map<string, Endpoint>;

/** Collects declared routes and their handlers, and makes an app of them. */
export class Api {
  readonly routes: Route[] = [];
  readonly #paths = new Map<string, Endpoints>();
  readonly #pipeline: Pipeline;
  readonly #connect: Connect;
  readonly #seal: CursorSeal;
  readonly #pages: PageWriter;

  constructor(options: ApiOptions) {
    this.#pipeline = new Pipeline(options);
    this.#connect = options.connect;
    this.#seal = new CursorSeal(options.settings.cursorKey);
    this.#pages = new PageWriter(this.#seal);
  }

  /**
   * Adds a route. Its handler runs after admission and validation.
   *
   * @param constraints what violating a named constraint means to a client of this route
   */
  on<const R extends Route>(
    route: R,
    handle: Handler<NoInfer<R>>,
    constraints: ConstraintMeanings = {},
  ): void {
    this.routes.push(route);
    const endpoints: Endpoints = this.#paths.get(route.path) ?? new Map();
    endpoints.set(route.method.toUpperCase(), {
      route,
      handle: handle as unknown as Handler<Route>,
      constraints,
    });
    this.#paths.set(route.path, endpoints);
  }

  /** Makes the app. It also responds with 204 to OPTIONS, 405 to other methods, and 404 to other paths. */
  app(): App {
    const app: App = new Hono();
    const notFound: Parameters<App["notFound"]>[0] = (c) =>
      this.#pipeline.run(c, {
        async handle() {
          throw new Problem("not_found", `There is nothing at this path: ${c.req.path.slice(0, 200)}.`);
        },
      });
    for (const path of this.#matchOrder()) {
      const endpoints = this.#paths.get(path);
      if (!endpoints) {
        app.all(path, notFound);
        continue;
      }
      app.all(path, (c) => {
        const { method } = c.req;
        const endpoint = endpoints.get(method === "HEAD" ? "GET" : method);
        const handle = endpoint
          ? (exchange: Exchange) => this.#handle(endpoint, exchange, c.req.param())
          : async () => this.#withoutEndpoint(c.req, endpoints);
        return this.#pipeline.run(c, { ...endpoint, pattern: path, handle });
      });
    }
    app.notFound(notFound);
    return app;
  }

  async #handle(
    { route, handle }: Omit<Endpoint, "constraints">,
    exchange: Exchange,
    params: Record<string, string>,
  ): Promise<AnyReply> {
    const { request, principal } = exchange;
    const declared = route.body;
    if (declared) requireMediaType(request.headers, declared);
    const chunks = declared?.kind === "stream" ? exchange.body.stream(declared) : undefined;
    const bytes = declared?.kind === "json" ? await exchange.body.readAll(declared.maxBytes) : undefined;
    const json = bytes && parseJson(bytes);
    const url = new URL(request.url);
    const preconditions = route.conditional ? parsePreconditions(request.headers) : NO_PRECONDITIONS;
    if (route.keyed === false) rejectKey(request.headers);
    const claim =
      isKeyed(route) && bytes && principal ? await claimOf(request, url, bytes, principal, route) : undefined;
    const valid = validate(route, { params, json, url }, this.#seal);
    const input = { ...valid, body: chunks ?? valid.body, preconditions, claim, url } as Input<Route>;
    return handle(input, new HandlerContext(exchange, this.#pages, this.#connect));
  }

  /** Replies to OPTIONS, and rejects every method that the path does not have. */
  #withoutEndpoint(request: HonoRequest, endpoints: Endpoints): AnyReply {
    const methods = [...endpoints.keys()];
    const allow = [...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ");
    const headers = { Allow: allow };
    if (request.method !== "OPTIONS")
      throw new Problem("method_not_allowed", `This path allows ${allow}.`, { headers });
    const preflight = this.#pipeline.crossOrigin.preflight(request);
    return { status: 204, headers: { ...preflight, ...headers } };
  }

  /**
   * The paths in the order in which Hono tries them, so that literal segments win over parameters, for every method.
   * The part of a path before its last parameter, such as `/books/isbn`, is literal even if it has no routes of its own.
   */
  #matchOrder(): string[] {
    const paths = [...this.#paths.keys()];
    const prefixes = paths.flatMap((path) => path.match(/^.*\/[^:/]+(?=\/:)/)?.[0] ?? []);
    // Sorts a parameter behind every literal segment.
    const rank = (path: string) => path.replaceAll("/:", "/\uffff");
    return [...new Set([...paths, ...prefixes])].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  }
}
