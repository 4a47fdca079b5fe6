import type { Context } from "hono";
import { Admission, type AdmissionOptions, type Admitted } from "./admission.ts";
import type { Authentication } from "./auth/authenticate.ts";
import { isForStaff } from "./auth/session.ts";
import type { Connection } from "./connection.ts";
import { type CrossOrigin, crossOriginOf } from "./cors.ts";
import { problemFor } from "./error-mapping.ts";
import { Exchange } from "./exchange.ts";
import { requireHost, requireLoopback } from "./host.ts";
import { type Log, loggedError, type Observed, rounded } from "./observe.ts";
import type { LogSettings } from "./observe-settings.ts";
import { POSITION, type Positions } from "./position.ts";
import type { ConstraintMeanings, Problem } from "./problem.ts";
import { type AnyReply, compressed, lengthOf, respond } from "./reply.ts";
import type { Route } from "./route.ts";
import { monitored } from "./stream.ts";
import type { Tracing } from "./tracing.ts";

/** The part of the configuration that concerns HTTP. */
export interface HttpSettings extends LogSettings {
  authentication: Authentication;
  /** Origins whose pages may use every method; all others may read. */
  corsOrigins: readonly string[];
  cursorKey: Uint8Array<ArrayBuffer>;
  /** Milliseconds that a request may take. */
  deadline: number;
  /** How old replies to public reads may be that caches give; 0 if no cache may keep them. */
  edgeCacheSeconds: number;
  /** The origin at which the service is known to its clients. */
  publicUrl: string | undefined;
}

export interface PipelineOptions extends AdmissionOptions {
  settings: HttpSettings;
  log: Log;
  /** Undefined where no traces are recorded. */
  tracing?: Tracing | undefined;
  /** Undefined where there are no replicas. */
  positions?: Positions | undefined;
  /** Explains a problem to people; undefined where it cannot. */
  explain?: Explain | undefined;
}

export type Explain = (problem: Problem, exchange: Exchange) => Promise<AnyReply | undefined>;

/** What a request is for: the route that it found, and what replies to it. */
export interface Target {
  /** Undefined for what the router replies by itself. */
  route?: (Admitted & Pick<Route, "deadline" | "probe">) | undefined;
  /** Whether errors are pages for a client. */
  explains?: ((request: Request) => boolean) | undefined;
  /** The pattern of the path. */
  pattern?: string | undefined;
  /** What violating a named constraint of the database means to the client. */
  constraints?: ConstraintMeanings;
  handle(exchange: Exchange): Promise<AnyReply>;
}

/** What every request passes: guards, CORS, admission; then problems, the rest of the body, and the log event. */
export class Pipeline {
  readonly crossOrigin: CrossOrigin;
  readonly #options: PipelineOptions;
  readonly #isOpen: boolean;
  readonly #admission: Admission;

  constructor(options: PipelineOptions) {
    const { settings } = options;
    this.#options = options;
    this.#isOpen = settings.authentication.mode === "open";
    this.crossOrigin = crossOriginOf(settings.corsOrigins, this.#isOpen);
    this.#admission = new Admission(options);
  }

  async run(c: Context<{ Bindings: Connection }>, target: Target): Promise<Response> {
    const { route, pattern } = target;
    const { settings, log, tracing } = this.#options;
    const exchange = new Exchange(c.req.raw, c.env ?? UNKNOWN, {
      timeout: route?.deadline ?? settings.deadline,
      log,
      tracing,
      plainSubjects: settings.plainSubjects,
      isProbe: route?.probe ?? false,
    });
    if (pattern) exchange.observed.route = pattern;
    const reply = await this.#reply(c, exchange, target);
    if (this.#mayTime(exchange)) exchange.headers["Server-Timing"] = timesOf(exchange.observed);
    if (reply.body instanceof ReadableStream) return this.#stream(exchange, target, reply, reply.body);
    await exchange.body.discard();
    if (reply.body !== undefined && c.req.method !== "HEAD") {
      exchange.observed.bytes_out = lengthOf(reply.body);
    }
    exchange.end(reply.status);
    return this.#tellPosition(exchange, respond(exchange.request, exchange.headers, reply));
  }

  /** Tells who has written how far the database was: a browser by a cookie, which stands beside that of its session. */
  #tellPosition({ position, session, request }: Exchange, response: Response): Response {
    const { positions } = this.#options;
    if (!position || !positions) return response;
    if (session) response.headers.append("Set-Cookie", positions.cookieOf(position, new URL(request.url)));
    else response.headers.set(POSITION, positions.seal(position));
    return response;
  }

  /** How long queries take can tell what is in the database, so strangers do not see it. */
  #mayTime({ principal }: Exchange): boolean {
    return this.#isOpen || (principal?.roles.includes("admin") ?? false);
  }

  async #reply(
    { req }: Context<{ Bindings: Connection }>,
    exchange: Exchange,
    target: Target,
  ): Promise<AnyReply> {
    const { route, handle } = target;
    try {
      requireHost(req);
      if (this.#isOpen) requireLoopback(req);
      if (!isForStaff(req.path)) this.crossOrigin.allowOrigin(req, route?.role ?? "public", exchange.headers);
      if (route) await this.#admission.admit(exchange, route);
      return await handle(exchange);
    } catch (error) {
      const problem = this.#fail(exchange, target, error);
      return (await this.#explained(problem, exchange, target)) ?? problem.reply(exchange.requestId);
    }
  }

  /** A problem as a page. If that cannot be made, the problem is still told. */
  async #explained(
    problem: Problem,
    exchange: Exchange,
    { explains }: Target,
  ): Promise<AnyReply | undefined> {
    if (!explains?.(exchange.request)) return undefined;
    try {
      return await this.#options.explain?.(problem, exchange);
    } catch (error) {
      exchange.observed.error = loggedError(error);
      return undefined;
    }
  }

  /** Responds with a stream. The exchange ends with the stream. */
  #stream(
    exchange: Exchange,
    target: Target,
    reply: AnyReply,
    source: ReadableStream<Uint8Array<ArrayBuffer>>,
  ): Response {
    const { request, connection, headers, observed, requestId } = exchange;
    if (reply.gzip) headers.Vary = [headers.Vary, "Accept, Accept-Encoding"].filter(Boolean).join(", ");
    if (request.method === "HEAD") {
      source.cancel().catch(() => {});
      exchange.end(reply.status);
      // Without a framing, Bun would send a length of 0 (RFC 9110, 8.6).
      const framing = { "Transfer-Encoding": "chunked" };
      return respond(request, headers, { status: reply.status, headers: { ...reply.headers, ...framing } });
    }
    let markAsEnded = () => {};
    connection.waitUntil?.(
      new Promise<void>((resolve) => {
        markAsEnded = resolve;
      }),
    );
    const end = () => {
      exchange.end(reply.status);
      exchange.body.discard().then(markAsEnded);
    };
    const contentType = reply.headers?.["Content-Type"] ?? "";
    const options = { contentType, requestId, clock: exchange };
    const body = monitored(source, options, {
      onChunk(bytes) {
        observed.bytes_out += bytes;
      },
      onFailure: (error) => this.#fail(exchange, target, error),
      onEnd: end,
      onClientGone() {
        observed.client_gone = true;
        end();
      },
    });
    const encodings = connection.acceptEncoding ?? request.headers.get("Accept-Encoding");
    return respond(request, headers, compressed({ ...reply, body }, encodings));
  }

  #fail({ request, observed }: Exchange, { constraints }: Target, error: unknown): Problem {
    const problem = problemFor(error, request, constraints);
    observed.problem = problem.code;
    if (problem.status >= 500) observed.error = loggedError(problem.cause ?? error);
    return problem;
  }
}

/** The connection of a request that the app gets without one. */
const UNKNOWN: Connection = { address: undefined };

/** Server-Timing (https://www.w3.org/TR/server-timing/): the database, and the waiting for it. */
const timesOf = ({ db_ms, db_wait_ms }: Observed) =>
  `db;dur=${rounded(db_ms)}, wait;dur=${rounded(db_wait_ms)}`;
