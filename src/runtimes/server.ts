/** What the servers on Node and Bun share: from the environment to a listening app, and from a signal to the exit. */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createApp } from "../app.ts";
import { accessNotices, parseServerConfig, type ServerConfig } from "../config.ts";
import { connectOver } from "../db/connection.ts";
import { SetupFault } from "../db/faults.ts";
import { groupedWrites } from "../db/group-commit.ts";
import { neonDriver } from "../db/neon.ts";
import { type PooledDriver, pooledDriver } from "../db/pool.ts";
import type { Driver } from "../db/ports.ts";
import { batchedReads } from "../db/read-batching.ts";
import { checkReadiness } from "../db/readiness.ts";
import { replicatedReads } from "../db/replicas.ts";
import { Scheduler } from "../db/scheduler.ts";
import { clientAddress } from "../http/address.ts";
import type { ReadAsset } from "../http/assets.ts";
import { checkProvider } from "../http/auth/check.ts";
import { misspellings } from "../misspellings.ts";
import { StartupError } from "../startup-error.ts";
import { memoryLimiter } from "./memory-limiter.ts";
import { startObservation } from "./observation.ts";
import { openReplicas } from "./replicas.ts";

/** Responds to a request. The client's address is undefined if the runtime does not know it. */
type Respond = (request: Request, address: string | undefined) => Response | Promise<Response>;

/** What a runtime provides. */
export interface Runtime {
  /** Its name and version, printed at the start. */
  name: string;
  environment: Environment;
  /** Starts to listen; rejects if it cannot. */
  listen(options: ListenOptions): Promise<Listener>;
}

type Environment = Record<string, string | undefined>;

export interface ListenOptions {
  host: string;
  /** 0 for any free port. */
  port: number;
  respond: Respond;
  /** Seconds after which an idle connection is closed. */
  idleTimeout: number;
}

export interface Listener {
  port: number;
  /** Stops listening; resolves when every pending response has been sent and every connection is closed. */
  close(): Promise<void>;
}

/** Longer than load balancers usually keep idle connections, so that the balancer closes them first. */
const IDLE_TIMEOUT_SECONDS = 75;

/** The fraction of the pool that may write at a time, and that may search or count. A smaller one batches more. */
const LANE_FRACTION = 1 / 4;

/** How long to wait for a database call or a request after its deadline. */
const MARGIN_MS = 1000;

/** Runs a server until SIGINT or SIGTERM. If it cannot start, prints the reason and exits with 1. */
export async function runServer(runtime: Runtime): Promise<void> {
  try {
    await serve(runtime);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    notify(error.message);
    process.exit(1);
  }
}

async function serve({ name, environment, listen }: Runtime): Promise<void> {
  const stopping = stopSignal();
  // Without a listener, the server would crash when the reader of its log exits (`| head`).
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  for (const sentence of misspellings(environment)) notify(sentence);
  const embedded = environment.DATABASE_URL ? undefined : await startEmbedded(environment);
  try {
    const config = await parseServerConfig({ ...environment, ...embedded?.variables });
    const { connect, replicas, end, ...database } = databaseOf(config);
    const sources = { runtime: name, ...database, replicas };
    const observation = await startObservation(config, sources, notify);
    const { log, observe, tracing, metricsUrl } = observation;
    const limiter = config.rateLimit && memoryLimiter(config.rateLimit);
    const app = createApp({ config, connect, replicas, limiter, log: observe, tracing, readAsset, stopping });
    const noticeProxy = proxyNotice(config);
    const fetchApp: Respond = (request, address) => {
      noticeProxy(request);
      return app.fetch(request, { address: clientAddress(request, address, config.trustedProxyHops ?? 0) });
    };
    let respond = fetchApp;
    const listener = await listening(listen, config, (request, address) => respond(request, address));
    const host = config.host.includes(":") ? `[${config.host}]` : config.host;
    const address = `http://${host}:${listener.port}`;
    notify(`Octavo on ${name} at ${address}${embedded?.notice ?? ""}`);
    if (metricsUrl) notify(`Metrics at ${metricsUrl}`);
    log.started({ runtime: name, address, ...(metricsUrl && { metrics: metricsUrl }) });
    for (const sentence of accessNotices(config)) notify(sentence);
    checkProvider(config.authentication).then((sentences) => sentences.forEach(notify));
    checkReadiness(connect(config.deadline)).then(
      (warnings) => warnings.forEach(notify),
      (fault) => notify(fault instanceof SetupFault ? fault.message : "The database cannot be reached yet."),
    );

    await aborted(stopping);
    respond = async (...request) => closingConnection(await fetchApp(...request));
    await sleep(config.shutdownDelay);
    await Promise.race([listener.close(), sleep(config.deadline + MARGIN_MS)]);
    await Promise.race([end(), sleep(MARGIN_MS)]);
    await Promise.race([observation.close(), sleep(MARGIN_MS)]);
    log.stopped(stopping.reason);
  } finally {
    await embedded?.stop();
  }
}

/** Warns once that all clients behind a proxy share one quota, unless TRUSTED_PROXY_HOPS is configured. */
function proxyNotice({ trustedProxyHops, rateLimit }: ServerConfig): (request: Request) => void {
  let isDone = trustedProxyHops !== undefined || !rateLimit;
  return ({ headers }) => {
    if (isDone || !headers.has("X-Forwarded-For")) return;
    isDone = true;
    notify(
      "A request has X-Forwarded-For, and TRUSTED_PROXY_HOPS is not set, so all clients behind a proxy have one quota. Set it to the number of proxies in front of the server, or to 0.",
    );
  };
}

/** Aborts on the first signal, with its name. Later ones are ignored: shutdown has a time limit, and npm repeats Ctrl-C. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => controller.abort(signal));
  return controller.signal;
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });

/** A database that runs as long as the server does. */
export interface EmbeddedDatabase {
  /** Variables to add to the server's environment. */
  variables: Record<string, string>;
  /** Printed at the start, after the server's address. */
  notice: string;
  stop(): Promise<void>;
}

/** Starts a database for a server whose environment names none. @throws StartupError */
export type StartEmbedded = (environment: Environment) => Promise<EmbeddedDatabase>;

/** The build puts it beside the bundle, like the assets. */
const EMBEDDED = new URL("embedded.js", import.meta.url).href;

async function startEmbedded(environment: Environment): Promise<EmbeddedDatabase> {
  const { startEmbedded }: { startEmbedded: StartEmbedded } = await import(EMBEDDED);
  return startEmbedded(environment);
}

/** The database with its replicas, shared by all requests. */
function databaseOf(config: ServerConfig) {
  const driver = driverOf(config);
  const capacity = config.transport === "http" ? Number.POSITIVE_INFINITY : config.poolSize;
  const share = Math.ceil(capacity * LANE_FRACTION);
  const scheduler = new Scheduler({ capacity, share });
  const reads = batchedReads(driver, scheduler, config.deadline);
  const opened =
    config.readUrls.length > 0
      ? openReplicas({ config, laneFraction: LANE_FRACTION, margin: MARGIN_MS, tell: notify })
      : undefined;
  const replicas = opened?.replicas;
  return {
    replicas,
    schedulers: [scheduler, ...(opened?.schedulers ?? [])],
    pools: [...(driver.state ? [driver.state] : []), ...(opened?.pools ?? [])],
    connect: connectOver({
      reads: replicas ? replicatedReads(reads, replicas) : reads,
      writes: groupedWrites(driver, scheduler, share, replicas?.onPosition),
    }),
    end: () => Promise.all([driver.end?.(), opened?.end()]),
  };
}

function driverOf({ transport, databaseUrl, neonFetchEndpoint, poolSize, deadline }: ServerConfig) {
  const driver: Driver & Partial<PooledDriver> =
    transport === "http"
      ? neonDriver({ url: databaseUrl, fetchEndpoint: neonFetchEndpoint })
      : pooledDriver({ url: databaseUrl, size: poolSize, timeout: deadline + MARGIN_MS, warn: notify });
  return driver;
}

async function listening(
  listen: Runtime["listen"],
  { host, port, deadline }: ServerConfig,
  respond: Respond,
): Promise<Listener> {
  const idleTimeout = Math.max(IDLE_TIMEOUT_SECONDS, Math.ceil((deadline + MARGIN_MS) / 1000));
  try {
    return await listen({ host, port, respond, idleTimeout });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!code) throw error;
    const reason = code === "EADDRINUSE" ? "is in use by another program" : `cannot be used (${code})`;
    throw new StartupError(`Port ${port} of ${host} ${reason}. Choose another with HOST and PORT.`);
  }
}

/** Tells clients not to reuse their connections while the server stops. */
function closingConnection(response: Response): Response {
  response.headers.set("Connection", "close");
  return response;
}

/** The build puts the files beside the bundle. */
const readAsset: ReadAsset = (path) => readFile(new URL(`assets/${path}`, import.meta.url));

/** Prints to standard error; standard output is for the log. */
const notify = (sentence: string) => process.stderr.write(`${sentence}\n`);
