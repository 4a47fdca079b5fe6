/** What the servers on Node, Bun and Deno share: from the environment to a listening server, and from a signal to the exit. */
import cluster from "node:cluster";
import { availableParallelism } from "node:os";
import { accessNotices } from "../config.ts";
import { SetupFault } from "../db/faults.ts";
import type { Connect } from "../db/ports.ts";
import { checkReadiness } from "../db/readiness.ts";
import { checkProvider } from "../http/auth/check.ts";
import { misspellings } from "../misspellings.ts";
import { parseServerConfig, SERVER_VARIABLES, type ServerConfig } from "../server-config.ts";
import { StartupError } from "../startup-error.ts";
import { ServerLog } from "./log.ts";
import { aborted, type RunningServer, type Runtime, startProcess } from "./process-server.ts";

/** Runs a server until SIGINT or SIGTERM. If it cannot start, prints the reason and exits with 1. */
export async function runServer(runtime: Runtime): Promise<void> {
  // Without a listener, the server would crash when the reader of its log exits (`| head`).
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  try {
    const isInOrder = await serve(runtime);
    process.exit(isInOrder ? 0 : 1);
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    notify(error.message);
    process.exit(1);
  }
}

async function serve(runtime: Runtime): Promise<boolean> {
  const stopping = stopSignal();
  const { environment } = runtime;
  if (cluster.isWorker && environment.OCTAVO_PROCESS) {
    const { serveForPrimary } = await import("./worker-process.ts");
    return serveForPrimary(runtime, stopping);
  }
  for (const sentence of misspellings(environment, SERVER_VARIABLES)) notify(sentence);
  const embedded = environment.DATABASE_URL ? undefined : await startEmbedded(environment);
  try {
    const config = await parseServerConfig({ ...environment, ...embedded?.variables });
    const log = new ServerLog(config);
    const count = processesOf(config, runtime);
    const { name, listen } = runtime;
    const server =
      count === 1
        ? await startProcess({ name, config, listen, stopping, log, notify })
        : await startSeveral({ count, config, variables: embedded?.variables ?? {}, stopping, log, notify });
    announce(runtime, config, count, server, log, embedded?.notice);
    await aborted(stopping);
    const isInOrder = await server.stop();
    log.stopped(stopping.reason);
    return isInOrder;
  } finally {
    await embedded?.stop();
  }
}

/** @throws StartupError where several are wanted, but cannot be had */
function processesOf({ processes }: ServerConfig, { oneProcessBecause }: Runtime): number {
  const count = processes === "auto" ? availableParallelism() : processes;
  if (count === 1) return 1;
  const reason = cluster.isWorker ? "Another program runs this server by node:cluster" : oneProcessBecause;
  if (!reason) return count;
  if (processes === "auto") return 1;
  throw new StartupError(`${reason}, so PROCESSES must be 1.`);
}

async function startSeveral(...options: Parameters<typeof import("./processes.ts")["startProcesses"]>) {
  const { startProcesses } = await import("./processes.ts");
  return startProcesses(...options);
}

/** Tells whoever started the server where it is, and what is wrong with what it needs. */
function announce(
  { name }: Runtime,
  config: ServerConfig,
  count: number,
  { port, metricsUrl, connect }: RunningServer,
  log: ServerLog,
  notice = "",
): void {
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  const address = `http://${host}:${port}`;
  notify(`Octavo on ${name} at ${address}${several(config, count)}${notice}`);
  if (metricsUrl) notify(`Metrics at ${metricsUrl}`);
  log.started({
    runtime: name,
    address,
    ...(metricsUrl && { metrics: metricsUrl }),
    ...(count > 1 && { processes: count }),
  });
  for (const sentence of [...accessNotices(config), ...quotaNotices(config, count)]) notify(sentence);
  checkProvider(config.authentication).then((sentences) => sentences.forEach(notify));
  checkDatabase(connect(config.deadline));
}

function checkDatabase(database: ReturnType<Connect>): void {
  checkReadiness(database).then(
    (warnings) => warnings.forEach(notify),
    (fault) => notify(fault instanceof SetupFault ? fault.message : "The database cannot be reached yet."),
  );
}

function several({ transport, poolSize, rateLimit, rateLimitStore }: ServerConfig, count: number): string {
  if (count === 1) return "";
  const each = poolSize + (rateLimit && rateLimitStore === "postgres" ? 1 : 0);
  const pools = transport === "tcp" ? ` with up to ${count * each} connections to the database` : "";
  return `, in ${count} processes${pools}`;
}

function quotaNotices({ rateLimit, rateLimitStore }: ServerConfig, count: number): string[] {
  return rateLimit && rateLimitStore === "memory" && count > 1
    ? [`RATE_LIMIT_STORE is memory, so each of the ${count} processes counts quotas for itself.`]
    : [];
}

/** Aborts on the first signal, with its name. Later ones are ignored: shutdown has a time limit, and npm repeats Ctrl-C. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => controller.abort(signal));
  return controller.signal;
}

/** A database that runs as long as the server does. */
export interface EmbeddedDatabase {
  /** Variables to add to the server's environment. */
  variables: Record<string, string>;
  /** Printed at the start, after the server's address. */
  notice: string;
  stop(): Promise<void>;
}

/** Starts a database for a server whose environment names none. @throws StartupError */
export type StartEmbedded = (environment: Runtime["environment"]) => Promise<EmbeddedDatabase>;

/** The build puts it beside the bundle, like the assets. */
const EMBEDDED = new URL("embedded.js", import.meta.url).href;

async function startEmbedded(environment: Runtime["environment"]): Promise<EmbeddedDatabase> {
  const { startEmbedded }: { startEmbedded: StartEmbedded } = await import(EMBEDDED);
  return startEmbedded(environment);
}

/** Prints to standard error; standard output is for the log. */
const notify = (sentence: string) => process.stderr.write(`${sentence}\n`);
