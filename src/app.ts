/**
 * The table of contents: every feature, on one API. The app knows neither its runtime nor its driver; the runtime's
 * entry passes both as ports.
 */
import { bookRoutes } from "./books/routes.ts";
import { catalogueRoutes } from "./catalogue/routes.ts";
import { changeRoutes } from "./changes/routes.ts";
import type { Config } from "./config.ts";
import type { Connect } from "./db/ports.ts";
import { Api } from "./http/api.ts";
import type { App } from "./http/exchange.ts";
import type { Log } from "./http/observe.ts";
import type { Limiter } from "./http/rate-limit.ts";
import { type ReadDocs, serviceRoutes } from "./service/routes.ts";
import { stockRoutes } from "./stock/routes.ts";
import { taskRoutes } from "./tasks/routes.ts";

/** What a runtime's entry gives the app. */
export interface Ports {
  config: Config;
  connect: Connect;
  /** Undefined where requests are not limited. */
  limiter?: Limiter | undefined;
  log: Log;
  readDocs: ReadDocs;
  /** Aborts when the process is about to stop: from then on it is not ready. */
  stopping?: AbortSignal;
}

export function createApp({ config, connect, limiter, log, readDocs, stopping }: Ports): App {
  const api = new Api({ settings: config, connect, limiter, log });
  bookRoutes(api);
  catalogueRoutes(api, config);
  stockRoutes(api);
  changeRoutes(api);
  taskRoutes(api);
  serviceRoutes(api, { authentication: config.authentication.mode, readDocs, stopping });
  return api.app();
}
