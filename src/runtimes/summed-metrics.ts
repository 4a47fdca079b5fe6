/** What Prometheus reads from a server of several processes. Loaded only where there are several, and METRICS_PORT is set. */
import cluster, { type Worker } from "node:cluster";
import { setTimeout as sleep } from "node:timers/promises";
import { Registry } from "@prometheus-io/client";
import type { Question, Report, Snapshot } from "./messages.ts";

/** How long a process may take to answer; what it told last counts then. */
const TIMEOUT_MS = 1000;

/**
 * Sums the metrics of all processes. The library could, but it forgets a process that dies, and fails while one hangs. Here
 * the counters of a dead process stay as they were read last: a sum that shrinks would look like a restart to Prometheus.
 */
export class SummedMetrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #latest = new Map<Worker, Snapshot>();
  readonly #answered = new Map<Worker, () => void>();
  #ended: Snapshot = [];
  #reading: Promise<string> | undefined;

  constructor() {
    cluster.on("message", (worker, message: Report) => {
      if (message.type !== "metrics") return;
      this.#latest.set(worker, message.metrics);
      this.#answered.get(worker)?.();
    });
    cluster.on("exit", (worker) => this.#end(worker));
  }

  /** Several that ask at the same time get the same. */
  metrics(): Promise<string> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<string> {
    const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
    await Promise.all(workers.map((worker) => this.#ask(worker)));
    return Registry.aggregate([this.#ended, ...this.#latest.values()]).metrics();
  }

  async #ask(worker: Worker): Promise<void> {
    if (!worker.isConnected()) return;
    const answered = new Promise<void>((resolve) => this.#answered.set(worker, resolve));
    const question: Question = { type: "metrics?" };
    worker.send(question);
    await Promise.race([answered, sleep(TIMEOUT_MS, undefined, { ref: false })]);
  }

  #end(worker: Worker): void {
    const counted = this.#latest.get(worker)?.filter(({ type }) => type !== "gauge") ?? [];
    this.#ended = aggregated([this.#ended, counted]);
    this.#latest.delete(worker);
    this.#answered.get(worker)?.();
    this.#answered.delete(worker);
  }
}

const aggregated = (snapshots: Snapshot[]) =>
  Registry.aggregate(snapshots).getMetricsAsArray() as unknown as Snapshot;
