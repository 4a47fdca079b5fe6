/**
 * What the servers, Node's and Bun's, share: from the environment to an app that answers, and from a signal to an
 * orderly end.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import RateLimiterMemory from "rate-limiter-flexible/lib/RateLimiterMemory.js";
import { createApp } from "./app.ts";
import { closedNotice, misspellings, parseServerConfig, type ServerConfig } from "./config.ts";
import { connectOver } from "./db/connection.ts";
import { SetupFault } from "./db/faults.ts";
import { neonDriver } from "./db/neon.ts";
import { type PooledDriver, pooledDriver } from "./db/pool.ts";
import { checkReadiness } from "./db/readiness.ts";
import { sharedReads } from "./db/shared-reads.ts";
import { sharedWrites } from "./db/shared-writes.ts";
import { clientAddress } from "./http/address.ts";
import type { Log } from "./http/observe.ts";
import type { Limiter, Quota } from "./http/rate-limit.ts";
import type { ReadDocs } from "./service/routes.ts";
import { StartupError } from "./startup-error.ts";

/** Answers a request that came from an address, as far as the runtime can tell it. */
type Answer = (request: Request, address: string | undefined) => Response | Promise<Response>;

/** What a runtime brings. */
export interface Runtime {
  /** Its name and version, to be told at the start. */
  name: string;
  environment: Record<string, string | undefined>;
  /** Begins to listen; rejects where it cannot. */
  listen(options: ListenOptions): Promise<Listener>;
}

export interface ListenOptions {
  host: string;
  /** 0 takes one that is free. */
  port: number;
  answer: Answer;
  /** Seconds after which an idle connection is closed. */
  idleTimeout: number;
}

export interface Listener {
  port: number;
  /** Stops listening, and resolves when every response under way is out and every connection closed. */
  close(): Promise<void>;
}

/** Longer than load balancers keep idle connections, so that it is they who close them. */
const IDLE_TIMEOUT_SECONDS = 75;

/** Of the connections of the pool, those that write at a time, and those that search or count. With fewer, more is done together. */
const SHARE = 1 / 4;

/** What a call to the database or a request may go over its time before it is given up for lost. */
const MARGIN_MS = 1000;

/** Runs a server until SIGINT or SIGTERM. What hinders its start is told in a sentence, with exit code 1. */
export async function runServer(runtime: Runtime): Promise<void> {
  try {
    await serve(runtime);
    flush();
    process.exit(0);
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    tell(error.message);
    process.exit(1);
  }
}

async function serve({ name, environment, listen }: Runtime): Promise<void> {
  const stopping = stopSignal();
  // Without a listener the end of whoever reads the log (`| head`) would be the server's end, too.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  for (const sentence of misspellings(environment)) tell(sentence);
  const embedded = environment.DATABASE_URL ? undefined : await startEmbedded(environment);
  try {
    const config = await parseServerConfig({ ...environment, ...embedded?.variables });
    const driver = driverOf(config);
    const share = config.transport === "http" ? Number.POSITIVE_INFINITY : Math.ceil(config.poolSize * SHARE);
    const connect = connectOver({
      reads: sharedReads(driver, config.deadline, share),
      writes: sharedWrites(driver, share),
    });
    const limiter = config.rateLimit && memoryLimiter(config.rateLimit);
    const app = createApp({ config, connect, limiter, log, readDocs, stopping });
    const noticeProxy = proxyNotice(config);
    const serveFrom: Answer = (request, address) => {
      noticeProxy(request);
      return app.fetch(request, { address: clientAddress(request, address, config.trustedProxyHops ?? 0) });
    };
    let answer = serveFrom;
    const listener = await listening(listen, config, (request, address) => answer(request, address));
    const host = config.host.includes(":") ? `[${config.host}]` : config.host;
    tell(`Octavo on ${name} at http://${host}:${listener.port}${embedded?.notice ?? ""}`);
    const notice = closedNotice(config);
    if (notice) tell(notice);
    checkReadiness(connect(config.deadline)).then(
      (warnings) => warnings.forEach(tell),
      (fault) => tell(fault instanceof SetupFault ? fault.message : "The database cannot be reached yet."),
    );

    await aborted(stopping);
    answer = async (...arrived) => lastOfItsConnection(await serveFrom(...arrived));
    await sleep(config.shutdownDelay);
    await Promise.race([listener.close(), sleep(config.deadline + MARGIN_MS)]);
    await Promise.race([driver.end?.(), sleep(MARGIN_MS)]);
  } finally {
    await embedded?.stop();
  }
}

/** Tells once that all who come through a proxy may share one quota, where nobody said whether there is one. */
function proxyNotice({ trustedProxyHops, rateLimit }: ServerConfig): (request: Request) => void {
  let done = trustedProxyHops !== undefined || !rateLimit;
  return ({ headers }) => {
    if (done || !headers.has("X-Forwarded-For")) return;
    done = true;
    tell(
      "A request came with X-Forwarded-For, and TRUSTED_PROXY_HOPS is not set: all clients behind a proxy share one quota. Set it to the number of proxies in front, 0 if there are none.",
    );
  };
}

/** Aborts at the first signal. Later ones change nothing: the end is bounded, and npm passes Ctrl-C on a second time. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => controller.abort());
  return controller.signal;
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });

/** The development dependencies are loaded only here, where nothing else says which database to use. */
async function startEmbedded(environment: Runtime["environment"]) {
  const { startEmbedded } = await import("../dev/embedded.ts");
  return startEmbedded(environment);
}

function driverOf({ transport, databaseUrl, neonFetchEndpoint, poolSize, deadline }: ServerConfig) {
  const driver: Omit<PooledDriver, "end"> & Partial<PooledDriver> =
    transport === "http"
      ? neonDriver({ url: databaseUrl, fetchEndpoint: neonFetchEndpoint })
      : pooledDriver({ url: databaseUrl, size: poolSize, timeout: deadline + MARGIN_MS, warn: tell });
  return driver;
}

/** Counts in this process alone, exactly: a window begins with a key's first request, and its last one is forgotten. */
function memoryLimiter(quota: Quota): Limiter {
  const windows = new RateLimiterMemory({ points: quota.requests, duration: quota.seconds });
  return {
    quota,
    async count(key) {
      // A penalty is what the library calls counting without a verdict; its verdict would be thrown.
      const { consumedPoints, remainingPoints, msBeforeNext } = await windows.penalty(key);
      return {
        admitted: consumedPoints <= quota.requests,
        remaining: remainingPoints,
        reset: Math.ceil(msBeforeNext / 1000),
      };
    },
  };
}

async function listening(
  listen: Runtime["listen"],
  { host, port, deadline }: ServerConfig,
  answer: Answer,
): Promise<Listener> {
  const idleTimeout = Math.max(IDLE_TIMEOUT_SECONDS, Math.ceil((deadline + MARGIN_MS) / 1000));
  try {
    return await listen({ host, port, answer, idleTimeout });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!code) throw error;
    const reason = code === "EADDRINUSE" ? "is in use by another program" : `cannot be used (${code})`;
    throw new StartupError(`Port ${port} of ${host} ${reason}: choose another with HOST and PORT.`);
  }
}

/** While the server stops, no client should send its next request on the same connection. */
function lastOfItsConnection(response: Response): Response {
  response.headers.set("Connection", "close");
  return response;
}

/** The build puts them beside the bundle. */
const readDocs: ReadDocs = (file) => readFile(new URL(`docs/${file}`, import.meta.url));

/** Lines go out together, as a write for each would be a system call for each. */
const log: Log = (event) => {
  if (lines === "") setImmediate(flush);
  lines += `${JSON.stringify(event)}\n`;
};

let lines = "";

function flush(): void {
  process.stdout.write(lines);
  lines = "";
}

/** For the person who started it; the log has standard output for itself. */
const tell = (sentence: string) => process.stderr.write(`${sentence}\n`);
