/** What one process runs: the app on its ports, from the start to the stop. */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createApp } from "../app.ts";
import type { Connect } from "../db/ports.ts";
import { clientAddress } from "../http/address.ts";
import type { ReadAsset } from "../http/assets.ts";
import type { ServerConfig } from "../server-config.ts";
import { StartupError } from "../startup-error.ts";
import { MARGIN_MS, openDatabase } from "./database.ts";
import { startLimiter } from "./limiter.ts";
import type { ServerLog } from "./log.ts";
import { type MetricsReader, startObservation } from "./observation.ts";

/** Responds to a request. The client's address is undefined if the runtime does not know it. */
export type Respond = (request: Request, address: string | undefined) => Response | Promise<Response>;

export interface ListenOptions {
  host: string;
  /** 0 for any free port. */
  port: number;
  respond: Respond;
  /** Seconds after which an idle connection is closed. */
  idleTimeout: number;
  /** Other processes of this server listen on the same port. */
  isShared: boolean;
}

export interface Listener {
  port: number;
  /** Stops listening; resolves when every pending response has been sent and every connection is closed. */
  close(): Promise<void>;
}

/** Starts to listen; rejects if it cannot. */
export type Listen = (options: ListenOptions) => Promise<Listener>;

/** What a runtime provides. */
export interface Runtime {
  /** Its name and version, printed at the start. */
  name: string;
  environment: Record<string, string | undefined>;
  listen: Listen;
  /** Why several processes cannot listen on one port; undefined if they can. */
  oneProcessBecause?: string | undefined;
}

export interface ProcessOptions {
  /** The runtime and its version. */
  name: string;
  config: ServerConfig;
  listen: Listen;
  /** Aborts when the server is to stop. */
  stopping: AbortSignal;
  log: ServerLog;
  /** Says a sentence to whoever started the server. */
  notify(sentence: string): void;
  /** Tells the primary process what Prometheus asks it; without it, the process answers on a port of its own. */
  reportMetrics?: MetricsReader;
}

/** A server that listens, in one process or in several. */
export interface RunningServer {
  port: number;
  metricsUrl: string | undefined;
  connect: Connect;
  /** Ends requests and connections. Resolves to whether everything ended in order. */
  stop(): Promise<boolean>;
}

/** Longer than load balancers usually keep idle connections, so that the balancer closes them first. */
const IDLE_TIMEOUT_SECONDS = 75;

/** @throws StartupError */
export async function startProcess(options: ProcessOptions): Promise<RunningServer> {
  const { name, config, listen, stopping, log, notify, reportMetrics } = options;
  const { connect, replicas, end, ...database } = openDatabase(config, notify);
  const quotas = await startLimiter(config, log.quotasChanged);
  const sources = { runtime: name, ...database, replicas, store: quotas.store };
  const observation = await startObservation({ config, log, sources, warn: notify, reportMetrics });
  const { observe, tracing, metricsUrl } = observation;
  const { limiter } = quotas;
  const app = createApp({ config, connect, replicas, limiter, log: observe, tracing, readAsset, stopping });
  const noticeProxy = proxyNotice(config, notify);
  const fetchApp: Respond = (request, address) => {
    noticeProxy(request);
    return app.fetch(request, { address: clientAddress(request, address, config.trustedProxyHops ?? 0) });
  };
  let respond = fetchApp;
  const listener = await listening(config, {
    listen,
    respond: (request, address) => respond(request, address),
    isShared: reportMetrics !== undefined,
  });
  return {
    port: listener.port,
    metricsUrl,
    connect,
    async stop() {
      respond = async (...request) => closingConnection(await fetchApp(...request));
      await sleep(config.shutdownDelay);
      await Promise.race([listener.close(), sleep(config.deadline + MARGIN_MS)]);
      quotas.close();
      await Promise.race([end(), sleep(MARGIN_MS)]);
      await Promise.race([observation.close(), sleep(MARGIN_MS)]);
      return true;
    },
  };
}

/** Listens as configured. @throws StartupError that says why the port cannot be used */
export async function listening(
  { host, port, deadline }: ServerConfig,
  { listen, ...options }: { listen: Listen } & Pick<ListenOptions, "respond" | "isShared">,
): Promise<Listener> {
  const idleTimeout = Math.max(IDLE_TIMEOUT_SECONDS, Math.ceil((deadline + MARGIN_MS) / 1000));
  try {
    return await listen({ host, port, idleTimeout, ...options });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!code) throw error;
    const reason = code === "EADDRINUSE" ? "is in use by another program" : `cannot be used (${code})`;
    throw new StartupError(`Port ${port} of ${host} ${reason}. Choose another with HOST and PORT.`);
  }
}

/** Warns once that all clients behind a proxy share one quota, unless TRUSTED_PROXY_HOPS is configured. */
function proxyNotice(
  { trustedProxyHops, rateLimit }: ServerConfig,
  notify: (sentence: string) => void,
): (request: Request) => void {
  let isDone = trustedProxyHops !== undefined || !rateLimit;
  return ({ headers }) => {
    if (isDone || !headers.has("X-Forwarded-For")) return;
    isDone = true;
    notify(
      "A request has X-Forwarded-For, and TRUSTED_PROXY_HOPS is not set, so all clients behind a proxy have one quota. Set it to the number of proxies in front of the server, or to 0.",
    );
  };
}

/** Tells clients not to reuse their connections while the server stops. */
function closingConnection(response: Response): Response {
  response.headers.set("Connection", "close");
  return response;
}

/** The build puts the files beside the bundle. */
const readAsset: ReadAsset = (path) => readFile(new URL(`assets/${path}`, import.meta.url));

export const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
