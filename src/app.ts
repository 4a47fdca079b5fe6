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
import type { ReadAsset } from "./http/assets.ts";
import type { App } from "./http/exchange.ts";
import type { Log } from "./http/observe.ts";
import type { Limiter } from "./http/rate-limit.ts";
import type { Tracing } from "./http/tracing.ts";
import { Pages } from "./pages/pages.ts";
import { pageRoutes } from "./pages/routes.ts";
import { serviceRoutes } from "./service/routes.ts";
import { stockRoutes } from "./stock/routes.ts";
import { taskRoutes } from "./tasks/routes.ts";

/** What a runtime's entry gives the app. */
export interface Ports {
  config: Config;
  connect: Connect;
  /** Undefined where requests are not limited. */
  limiter?: Limiter | undefined;
  log: Log;
  /** Undefined where no traces are recorded. */
  tracing?: Tracing | undefined;
  readAsset: ReadAsset;
  /** Aborts when the process is about to stop: from then on it is not ready. */
  stopping?: AbortSignal;
}

export function createApp(ports: Ports): App {
  const { config, connect, limiter, log, tracing, readAsset, stopping } = ports;
  const { authentication, publicUrl, shop } = config;
  const pages = new Pages({ shop, publicUrl, readAsset });
  const api = new Api({ settings: config, connect, limiter, log, tracing, explain: pages.explain });
  bookRoutes(api);
  catalogueRoutes(api, config);
  stockRoutes(api);
  changeRoutes(api);
  taskRoutes(api);
  pageRoutes(api, pages);
  serviceRoutes(api, { authentication: authentication.mode, publicUrl, readAsset, stopping });
  return api.app();
}
