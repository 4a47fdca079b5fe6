/**
 * The table of contents: every feature, on one API. The app knows neither its runtime nor its driver; the runtime's
 * entry passes both as ports.
 */
import { bookRoutes } from "./books/routes.ts";
import { catalogueRoutes } from "./catalogue/routes.ts";
import { Transfers } from "./catalogue/transfers.ts";
import { changeRoutes } from "./changes/routes.ts";
import type { Config } from "./config.ts";
import type { Connect } from "./db/ports.ts";
import type { Replicas } from "./db/replicas.ts";
import { Api } from "./http/api.ts";
import type { ReadAsset } from "./http/assets.ts";
import { authenticator as authenticatorOf } from "./http/auth/authenticate.ts";
import { isForStaff, Sessions } from "./http/auth/session.ts";
import type { EntryStore } from "./http/edge-cache.ts";
import type { App } from "./http/exchange.ts";
import type { Log } from "./http/observe.ts";
import type { Explain } from "./http/pipeline.ts";
import { Positions } from "./http/position.ts";
import type { Limiter } from "./http/rate-limit.ts";
import type { Tracing } from "./http/tracing.ts";
import { Pages } from "./pages/pages.ts";
import { pageRoutes } from "./pages/routes.ts";
import { serviceRoutes } from "./service/routes.ts";
import { staffRoutes } from "./staff/routes.ts";
import { Staff } from "./staff/staff.ts";
import { stockRoutes } from "./stock/routes.ts";
import { taskRoutes } from "./tasks/routes.ts";

/** What a runtime's entry gives the app. */
export interface Ports {
  config: Config;
  connect: Connect;
  /** Where the reads of the connections go; undefined if all go to one database. */
  replicas?: Replicas | undefined;
  /** Undefined where requests are not limited. */
  limiter?: Limiter | undefined;
  log: Log;
  /** Undefined where no traces are recorded. */
  tracing?: Tracing | undefined;
  readAsset: ReadAsset;
  /** Where replies to public reads are kept; undefined where the runtime has no cache. */
  entries?: EntryStore | undefined;
  /** Aborts when the process is about to stop: from then on it is not ready. */
  stopping?: AbortSignal;
}

export const createApp = (ports: Ports): App => createApi(ports).app();

export function createApi(ports: Ports): Api {
  const { config, connect, replicas, limiter, log, tracing, readAsset, entries, stopping } = ports;
  const { authentication, cursorKey, importMaxBytes, maxLag, publicUrl, shop, sessionKey, signIn } = config;
  const positions = replicas && new Positions(cursorKey, maxLag);
  const transfers = new Transfers();
  const authenticator = authenticatorOf(authentication);
  const sessions = sessionKey && new Sessions(sessionKey, authentication);
  const pages = new Pages({ shop, publicUrl, readAsset });
  const staff = new Staff(pages, sessions);
  const explain: Explain = (problem, exchange) => {
    const { explain } = isForStaff(new URL(exchange.request.url).pathname) ? staff : pages;
    return explain(problem, exchange);
  };
  const api = new Api({
    settings: config,
    authenticator,
    sessions,
    connect,
    positions,
    entries,
    lag: replicas ? maxLag : 0,
    limiter,
    log,
    tracing,
    explain,
  });
  bookRoutes(api);
  catalogueRoutes(api, { transfers, importMaxBytes });
  stockRoutes(api);
  changeRoutes(api);
  taskRoutes(api);
  pageRoutes(api, pages);
  const signingIn = { authentication: authentication.mode, authenticator, sessions, signIn };
  staffRoutes(api, staff, signingIn, { shop, transfers, importMaxBytes });
  serviceRoutes(api, { authentication: authentication.mode, publicUrl, readAsset, stopping, replicas });
  return api;
}
