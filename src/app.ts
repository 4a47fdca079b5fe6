/**
 * The table of contents: what every request passes, in order, and then the features. The app knows neither its
 * runtime nor its driver; an entry (`worker.ts`) brings both as ports.
 */
import { Hono, type HonoRequest } from "hono";
import { HTTPException } from "hono/http-exception";
import { bookConstraints, bookRoutes } from "./books/routes.ts";
import { type Config, isLoopback } from "./config.ts";
import { ConstraintFault, SetupFault, UnavailableFault } from "./db/faults.ts";
import { InProgressFault, MismatchFault } from "./db/idempotency.ts";
import type { Connect } from "./db/ports.ts";
import { MissingFault, VersionFault } from "./db/resource.ts";
import { Api, type App, type Bindings, type Pass } from "./http/api.ts";
import { authenticator } from "./http/auth.ts";
import { discardBody } from "./http/body.ts";
import { crossOriginOf } from "./http/cors.ts";
import { CursorSeal } from "./http/cursor.ts";
import { parsePreconditions, preconditionFailed } from "./http/etag.ts";
import { Exchange } from "./http/exchange.ts";
import { requireHost } from "./http/host.ts";
import { eventOf, type Log, loggedError } from "./http/observe.ts";
import { type ConstraintMeanings, Problem } from "./http/problem.ts";
import type { Limiter } from "./http/rate-limit.ts";
import { respond } from "./http/reply.ts";
import { type ReadDocs, serviceRoutes } from "./service/routes.ts";
import { taskConstraints, taskRoutes } from "./tasks/routes.ts";

/** What an entry gives the app. */
export interface Ports {
  config: Config;
  connect: Connect;
  /** Undefined, where nobody's requests are limited. */
  limiter?: Limiter | undefined;
  log: Log;
  readDocs: ReadDocs;
  /** Aborted when the process is about to end: from then on it is not ready. */
  stopping?: AbortSignal;
}

export function createApp({ config, connect, limiter, log, readDocs, stopping }: Ports): App {
  const app: App = new Hono<{ Bindings: Bindings }>();
  const { share, preflight } = crossOriginOf(config);

  // What goes wrong in there is answered too; then what is left of the body is taken in, and the event is logged.
  const pass: Pass = (handle, role) => async (c) => {
    const exchange = new Exchange(c.req.raw, config.deadline);
    let response: Response;
    try {
      requireHost(c.req);
      if (config.authentication.mode === "open") requireLoopback(c.req);
      share(c.req, role, exchange.headers);
      response = await handle(c, exchange);
    } catch (error) {
      response = refuse(c.req, exchange, error);
    }
    if (!exchange.isBodyRead) await discardBody(c.req, exchange.timeLeft());
    log(eventOf(exchange, c.req.method, response.status));
    return response;
  };

  const api = new Api(app, pass, {
    connect,
    authenticate: authenticator(config.authentication),
    limiter,
    seal: new CursorSeal(config.cursorKey),
  });
  bookRoutes(api);
  taskRoutes(api);
  serviceRoutes(api, readDocs, stopping);
  api.finish(preflight);
  return app;
}

function refuse(request: HonoRequest, { headers, observed, requestId }: Exchange, error: unknown): Response {
  const problem = problemOf(error, request.raw);
  observed.problem = problem.code;
  if (problem.status >= 500) observed.error = loggedError(problem.cause ?? error);
  return respond(request, headers, problem.reply(requestId));
}

/** Nobody has to prove who they are, so that another name may be a page's that found the way to this machine. */
function requireLoopback({ url }: HonoRequest): void {
  if (isLoopback(new URL(url).hostname)) return;
  throw new Problem("misdirected_request", "This open server answers to the names of its own machine alone.");
}

const CONSTRAINTS: ConstraintMeanings = { ...bookConstraints, ...taskConstraints };

/** The one table from what went wrong to what the client is told. What it does not know is a defect of ours. */
function problemOf(error: unknown, request: Request): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof MissingFault) return new Problem("not_found", "There is no such resource.");
  if (error instanceof VersionFault) return preconditionFailed(parsePreconditions(request.headers));
  if (error instanceof MismatchFault) {
    return new Problem("idempotency_mismatch", "The Idempotency-Key was used for another request.");
  }
  if (error instanceof InProgressFault) {
    const message = "The first request with this Idempotency-Key is still running.";
    return new Problem("idempotency_in_progress", message, { headers: { "Retry-After": "1" } });
  }
  if (error instanceof ConstraintFault) {
    const meaning = CONSTRAINTS[error.constraint];
    if (meaning) return meaning(error);
  }
  if (error instanceof UnavailableFault) {
    const message = `The database cannot be reached or did not answer in time.${outcomeOf(request)}`;
    return new Problem("database_unavailable", message, { headers: { "Retry-After": "1" }, cause: error });
  }
  if (error instanceof SetupFault) {
    const message = "The database's schema is not the one that this version of the service needs.";
    return new Problem("service_unavailable", message, { headers: { "Retry-After": "10" }, cause: error });
  }
  // Hono's JSON validator throws this one for a body that does not parse.
  if (error instanceof HTTPException && error.status === 400)
    return new Problem("invalid_json", "The body is not valid JSON.");
  return new Problem("internal_error", "Something went wrong on our side; it was logged.", { cause: error });
}

/** What a client should make of a request whose answer from the database did not come. */
function outcomeOf({ method, headers }: Request): string {
  if (method === "GET" || method === "HEAD") return "";
  return method === "POST" && headers.has("Idempotency-Key")
    ? " Whether the change was made is unknown: to try again with the same Idempotency-Key is safe."
    : " Whether the change was made is unknown: read before you try again.";
}
