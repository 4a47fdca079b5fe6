import type { HonoRequest } from "hono";
import { HonoBase } from "hono/hono-base";
import { TrieRouter } from "hono/router/trie-router";
import type { Connect } from "../db/ports.ts";
import type { Reader } from "../db/position.ts";
import { isForStaff, type Sessions } from "./auth/session.ts";
import { parseJson, requireMediaType } from "./body.ts";
import { CursorSeal } from "./cursor.ts";
import { EdgeCache, type EntryStore, type SharedRead } from "./edge-cache.ts";
import { NO_PRECONDITIONS, type Preconditions, parsePreconditions } from "./etag.ts";
import type { App, Exchange } from "./exchange.ts";
import { FORM_TOKEN, readForm, requireSameOrigin, textOf } from "./form.ts";
import { type Handler, HandlerContext } from "./handler.ts";
import { claimOf, rejectKey } from "./idempotency-key.ts";
import { matchOrder } from "./match-order.ts";
import { namesHtml, wantsPage } from "./negotiation.ts";
import { resourceIn } from "./observe.ts";
import { type PageHandler, type PageInput, type PageRoute, shownUrl } from "./page.ts";
import { PageWriter } from "./paging.ts";
import { Pipeline, type PipelineOptions, type Target } from "./pipeline.ts";
import { type Positions, requirePosition } from "./position.ts";
import { type ConstraintMeanings, Problem } from "./problem.ts";
import type { AnyReply } from "./reply.ts";
import { type Input, isKeyed, type Route } from "./route.ts";
import { validate } from "./validate.ts";

export interface ApiOptions extends PipelineOptions {
  connect: Connect;
  /** Where replies to public reads are kept; undefined where the runtime has no cache. */
  entries?: EntryStore | undefined;
  /** How many seconds reads may be behind the database; 0 unless given. */
  lag?: number;
}

/** What one method of a path does. */
interface Endpoint extends Pick<Target, "route" | "constraints" | "explains"> {
  respond(exchange: Exchange, params: Record<string, string>): Promise<AnyReply>;
}

/** The endpoints of a path, by method. */
type Endpoints = Map<string, Endpoint>;

/** What a request without an endpoint is to people who open an address that is none of the API. */
const explainsAddress = (request: Request) =>
  namesHtml(request) && !new URL(request.url).pathname.startsWith("/api/");

/** Collects declared routes and their handlers, and makes an app of them. */
export class Api {
  /** Those of the document, which pages are no part of. */
  readonly routes: Route[] = [];
  readonly #paths = new Map<string, Endpoints>();
  readonly #pipeline: Pipeline;
  readonly #connect: Connect;
  readonly #seal: CursorSeal;
  readonly #pages: PageWriter;
  readonly #sessions: Sessions | undefined;
  /** Undefined where no cache may keep replies. */
  readonly #edge: EdgeCache | undefined;
  readonly #publicUrl: string | undefined;
  readonly #positions: Positions | undefined;

  constructor(options: ApiOptions) {
    this.#pipeline = new Pipeline(options);
    this.#connect = options.connect;
    this.#sessions = options.sessions;
    const { entries: store, lag = 0, settings } = options;
    const { publicUrl, edgeCacheSeconds: seconds } = settings;
    this.#publicUrl = publicUrl;
    if (seconds > 0) this.#edge = new EdgeCache({ seconds, lag, store, publicUrl });
    this.#positions = options.positions;
    this.#seal = new CursorSeal(settings.cursorKey);
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
    this.#add(route.method.toUpperCase(), route.path, {
      route,
      constraints,
      respond: (exchange, params) =>
        this.#handle(route, handle as unknown as Handler<Route>, exchange, params),
    });
  }

  /** Adds a page. Its handler runs after admission and validation, like that of a route. */
  page<const P extends PageRoute>(page: P, handle: PageHandler<NoInfer<P>>): void {
    const { role, unlimited, deadline } = page;
    this.#add(page.method ?? "GET", page.path, {
      route: {
        role: role ?? "public",
        ...(role && { session: true }),
        ...(unlimited && { unlimited }),
        ...(deadline && { deadline }),
      },
      explains: wantsPage,
      respond: (exchange, params) =>
        this.#show(page, handle as unknown as PageHandler<PageRoute>, exchange, params),
    });
  }

  #add(method: string, path: string, endpoint: Endpoint): void {
    const endpoints: Endpoints = this.#paths.get(path) ?? new Map();
    endpoints.set(method, endpoint);
    this.#paths.set(path, endpoints);
  }

  /** Makes the app. It also responds with 204 to OPTIONS, 405 to other methods, and 404 to other paths. */
  app(): App {
    // The one of Hono's routers that tells `/books/import` from `/books/:id` under each prefix. The default would try others first.
    const app: App = new HonoBase({ router: new TrieRouter() });
    const notFound: Parameters<App["notFound"]>[0] = (c) =>
      this.#pipeline.run(c, {
        explains: explainsAddress,
        async handle() {
          throw new Problem("not_found", `There is nothing at this path: ${c.req.path.slice(0, 200)}.`);
        },
      });
    for (const path of matchOrder([...this.#paths.keys()])) {
      const endpoints = this.#paths.get(path);
      if (!endpoints) {
        app.all(path, notFound);
        continue;
      }
      app.all(path, (c) => {
        const { method } = c.req;
        const endpoint = endpoints.get(method === "HEAD" ? "GET" : method);
        const handle = endpoint
          ? (exchange: Exchange) => endpoint.respond(exchange, c.req.param())
          : async () => this.#withoutEndpoint(c.req, endpoints);
        return this.#pipeline.run(c, { explains: explainsAddress, ...endpoint, pattern: path, handle });
      });
    }
    app.notFound(notFound);
    return app;
  }

  async #handle(
    route: Route,
    handle: Handler<Route>,
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
    requirePosition(request.headers);
    const claim =
      isKeyed(route) && bytes && principal ? await claimOf(request, url, bytes, principal, route) : undefined;
    const valid = validate(route, { params, json, url }, this.#seal);
    exchange.observed.resource = resourceIn(valid.params);
    const input = { ...valid, body: chunks ?? valid.body, claim, url };
    const read = { form: "data", search: url.search, preconditions } as const;
    // A probe asks how the primary is.
    const reader = route.method === "get" && !route.probe ? this.#readerOf(exchange, "header") : undefined;
    return this.#reply(exchange, route, read, reader, (preconditions, context) =>
      handle({ ...input, preconditions } as Input<Route>, context),
    );
  }

  /** Lets the reads of a request go to replicas, where there are any. */
  #readerOf({ request }: Exchange, from: "header" | "cookie") {
    return this.#positions?.readerOf(request.headers, from);
  }

  async #show(
    page: PageRoute,
    handle: PageHandler<PageRoute>,
    exchange: Exchange,
    params: Record<string, string>,
  ): Promise<AnyReply> {
    const { request } = exchange;
    const { listing, params: parameters, query } = page;
    const asked = new URL(request.url);
    const sent = page.method === "POST" ? await this.#sent(page, exchange, asked) : { form: new FormData() };
    const url = shownUrl(asked, page);
    const preconditions = parsePreconditions(request.headers);
    const valid = validate(
      { ...(parameters && { params: parameters }), ...(query && { query }), ...listing },
      { params, json: undefined, url },
      this.#seal,
    );
    exchange.observed.resource = resourceIn(valid.params);
    const input = { ...valid, body: undefined, ...sent, url };
    const form = wantsPage(request) ? "page" : "data";
    const read = { form, search: url.search, preconditions } as const;
    // Whoever has signed in may be about to change what the page shows.
    const isPublic = page.method !== "POST" && !page.role;
    const reader = isPublic ? this.#readerOf(exchange, "cookie") : undefined;
    return this.#reply(exchange, page, read, reader, (preconditions, context) =>
      handle({ ...input, preconditions } as PageInput<PageRoute>, context),
    );
  }

  /** Replies by the handler, or by what a cache has of it. */
  #reply(
    exchange: Exchange,
    { cached }: Pick<Route, "cached">,
    read: SharedRead,
    reader: Reader | undefined,
    respond: (preconditions: Preconditions, context: HandlerContext) => Promise<AnyReply>,
  ): Promise<AnyReply> {
    const context = new HandlerContext(exchange, this.#pages, this.#connect, reader);
    const ask = (preconditions: Preconditions) => respond(preconditions, context);
    if (!this.#edge) return ask(read.preconditions);
    return cached
      ? this.#edge.read(exchange, read, ask)
      : this.#edge.askAndMark(exchange, () => ask(read.preconditions));
  }

  /** What a page of ours has sent. The token of a form is a field of it, or a header where there is no form. */
  async #sent(page: PageRoute, exchange: Exchange, url: URL) {
    const { request, session } = exchange;
    requireSameOrigin(request, url, this.#publicUrl);
    if (page.body) requireMediaType(request.headers, page.body);
    const body = page.body && exchange.body.stream(page.body);
    const form = body ? new FormData() : await readForm(exchange.body, request.headers, page.maxBytes);
    // Browsers name the origin, which is ours. Then the token may be of a session that has ended meanwhile.
    if (!body && request.headers.has("Origin")) exchange.form = form;
    const token = body ? request.headers.get("X-Form-Token") : textOf(form, FORM_TOKEN);
    if (session && !this.#sessions?.isFormToken(session.id, token ?? ""))
      throw new Problem("forbidden", "This form belongs to a session that has ended. Load the page again.");
    return { form, body };
  }

  /** Replies to OPTIONS, and rejects every method that the path does not have. */
  #withoutEndpoint(request: HonoRequest, endpoints: Endpoints): AnyReply {
    const methods = [...endpoints.keys()];
    const allow = [...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ");
    const headers = { Allow: allow };
    if (request.method !== "OPTIONS")
      throw new Problem("method_not_allowed", `This path allows ${allow}.`, { headers });
    const preflight = isForStaff(request.path) ? {} : this.#pipeline.crossOrigin.preflight(request);
    return { status: 204, headers: { ...preflight, ...headers } };
  }
}
