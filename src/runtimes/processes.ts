/** The primary process of several: it starts, replaces and ends those that answer. Loaded only where there are several. */
import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServerConfig } from "../server-config.ts";
import { StartupError } from "../startup-error.ts";
import { MARGIN_MS, openDatabase } from "./database.ts";
import type { ServerLog } from "./log.ts";
import type { Report } from "./messages.ts";
import { type Listen, listening, type RunningServer } from "./process-server.ts";

export interface ProcessesOptions {
  count: number;
  config: ServerConfig;
  /** Added to the environment of the processes. */
  variables: Record<string, string>;
  /** Aborts with the signal by which the server is to stop. */
  stopping: AbortSignal;
  log: ServerLog;
  notify(sentence: string): void;
}

/** A process that lived longer is replaced at once. Others have to wait, twice as long each time. */
const STEADY_MS = 10_000;
const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 10_000;

/** How often a sentence is printed that each process says. */
const REPEAT_MS = 60_000;

/** @throws StartupError */
export async function startProcesses(options: ProcessesOptions): Promise<RunningServer> {
  const { config, notify } = options;
  const port = await takePort(config);
  const metrics = config.metrics && (await serveMetrics(config.metrics));
  const processes = new Processes(options, port);
  await processes.start();
  // Only for what is checked at the start.
  const { connect, end } = openDatabase({ ...config, poolSize: 1, readUrls: [] }, notify);
  return {
    port,
    metricsUrl: metrics?.url,
    connect,
    async stop() {
      const isInOrder = await processes.stop();
      metrics?.close();
      await Promise.race([end(), sleep(MARGIN_MS)]);
      return isInOrder;
    },
  };
}

async function serveMetrics(at: NonNullable<ServerConfig["metrics"]>) {
  const [{ serveMetrics }, { SummedMetrics }] = await Promise.all([
    import("./metrics-server.ts"),
    import("./summed-metrics.ts"),
  ]);
  return serveMetrics(at, new SummedMetrics());
}

/** Picks the port and finds out whether it is free, which processes that share one would not notice. */
async function takePort(config: ServerConfig): Promise<number> {
  const listen: Listen = async ({ host, port }) => {
    const server = createServer();
    await once(server.listen(port, host), "listening");
    const { port: taken } = server.address() as AddressInfo;
    return { port: taken, close: async () => void (await once(server.close(), "close")) };
  };
  const respond = () => new Response();
  const { port, close } = await listening(config, { listen, respond, isShared: false });
  await close();
  return port;
}

/** A process that answers requests. */
interface Child {
  pid: number | undefined;
  listens: Promise<true>;
  ended: Promise<{ code: number | null; signal: string | null }>;
}

class Processes {
  readonly #options: ProcessesOptions;
  readonly #variables: Record<string, string>;
  readonly #kept: Promise<void>[] = [];
  readonly #said = new Map<string, number>();
  #isInOrder = true;

  constructor(options: ProcessesOptions, port: number) {
    this.#options = options;
    this.#variables = { ...options.variables, PORT: `${port}`, OCTAVO_PROCESS: "1" };
    cluster.on("message", (_, message: Report) => {
      if (message.type === "notice") this.#say(message.sentence);
    });
  }

  /** Starts the others once the first listens, so that what keeps all from it is told once. @throws StartupError */
  async start(): Promise<void> {
    const { count, stopping } = this.#options;
    const first = this.#fork();
    const isListening = await Promise.race([first.listens, first.ended.then(() => false)]);
    if (!isListening && !stopping.aborted) throw new StartupError("The server could not start.");
    this.#kept.push(this.#keep(first));
    for (let more = count - 1; more > 0 && !stopping.aborted; more--)
      this.#kept.push(this.#keep(this.#fork()));
  }

  /** Resolves to whether each process ended by itself, and without an error. */
  async stop(): Promise<boolean> {
    const { config, stopping } = this.#options;
    const signal: NodeJS.Signals = stopping.reason;
    for (const worker of running()) worker.process.kill(signal);
    const limit = config.shutdownDelay + config.deadline + 4 * MARGIN_MS;
    const late = setTimeout(() => {
      for (const worker of running()) worker.process.kill("SIGKILL");
    }, limit);
    await Promise.all(this.#kept);
    clearTimeout(late);
    return this.#isInOrder;
  }

  /** Replaces a process until the server stops. */
  async #keep(first: Child): Promise<void> {
    const { stopping, log } = this.#options;
    let pause = 0;
    for (let child = first; ; child = this.#fork()) {
      const began = performance.now();
      const { code, signal } = await child.ended;
      if (stopping.aborted) {
        this.#isInOrder &&= code === 0 || signal === stopping.reason;
        return;
      }
      log.processEnded({ pid: child.pid, code, signal });
      pause =
        performance.now() - began > STEADY_MS ? 0 : Math.min(Math.max(MIN_PAUSE_MS, 2 * pause), MAX_PAUSE_MS);
      await sleep(pause, undefined, { signal: stopping }).catch(() => {});
      if (stopping.aborted) return;
    }
  }

  #fork(): Child {
    const worker = cluster.fork(this.#variables);
    // Sending something to a process that is dying fails.
    worker.on("error", () => {});
    const { pid } = worker.process;
    this.#options.log.processStarted(pid);
    return { pid, listens: listens(worker), ended: ended(worker) };
  }

  #say(sentence: string): void {
    const now = performance.now();
    if (now < (this.#said.get(sentence) ?? 0)) return;
    this.#said.set(sentence, now + REPEAT_MS);
    this.#options.notify(sentence);
  }
}

const running = () => Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);

const listens = (worker: Worker) =>
  new Promise<true>((resolve) => {
    worker.on("message", ({ type }: Report) => {
      if (type === "listening") resolve(true);
    });
  });

const ended = (worker: Worker) =>
  new Promise<Awaited<Child["ended"]>>((resolve) => {
    worker.once("exit", (code, signal) => resolve({ code, signal }));
  });
