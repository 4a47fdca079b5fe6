/** What Prometheus reads from a server. Loaded only where METRICS_PORT is set. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "@prometheus-io/client";
import type { PoolState } from "../db/pool.ts";
import type { Replicas } from "../db/replicas.ts";
import { LANES, type LaneName, type LaneStats, type Scheduler } from "../db/scheduler.ts";
import type { RequestEvent } from "../http/observe.ts";
import { version } from "../manifest.ts";
import type { StoreState } from "./shared-limiter.ts";

/** What is read when Prometheus asks. */
export interface MetricsSources {
  runtime: string;
  /** Of the primary and of its replicas. */
  schedulers: Pick<Scheduler, "stats">[];
  /** Empty where there is no pool. */
  pools: (() => PoolState)[];
  replicas: Pick<Replicas, "all"> | undefined;
  /** Undefined where quotas are counted in memory. */
  store: StoreState | undefined;
}

/** Seconds. Point reads take less than a millisecond, and the default deadline is ten seconds. */
const DURATIONS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Anybody can send any method, so others than these have one name. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

export class Metrics {
  readonly registry = new Registry();
  readonly #requests = this.#requestCounters();
  readonly #durations = new Histogram({
    name: "octavo_http_request_duration_seconds",
    help: "Time from the arrival of a request to the last byte of its response.",
    labelNames: ["method", "route"],
    buckets: DURATIONS,
    registers: [this.registry],
  });
  readonly #problems = this.#counter("http_problems", "Responses that are problems, by code.", ["problem"]);
  readonly #importRows = this.#counter("import_rows", "Rows of imports, by what became of them.", ["result"]);
  readonly #feedLag = this.#gauge(
    "feed_lag_seconds",
    "Age of the moment to which the feed was complete when it was last read.",
    [],
    "max",
  );

  constructor({ runtime, schedulers, pools, replicas, store }: MetricsSources) {
    collectDefaultMetrics({ register: this.registry });
    this.#gauge("info", "The version, and what it runs on.", ["version", "runtime"], "first").set(
      { version, runtime },
      1,
    );
    this.#gauge("processes", "Processes that answer requests.", [], "sum").set(1);
    this.#watchLanes(schedulers);
    if (pools.length > 0) this.#watchPools(pools);
    if (replicas) this.#watchReplicas(replicas);
    if (store) this.#watchStore(store);
  }

  /** Counts a request that has ended. */
  readonly count = (event: RequestEvent): void => {
    const { route, status, problem, import_rows: rows, feed_lag_ms: lag } = event;
    const method = METHODS.includes(event.method) ? event.method : "other";
    const labels = { method, route };
    const { total, bytesIn, bytesOut, database, waiting, trips, retries } = this.#requests;
    total.inc({ method, route, status });
    this.#durations.observe(labels, event.duration_ms / 1000);
    bytesIn.inc(labels, event.bytes_in);
    bytesOut.inc(labels, event.bytes_out);
    database.inc(labels, event.db_ms / 1000);
    waiting.inc(labels, event.db_wait_ms / 1000);
    trips.inc(labels, event.db_round_trips);
    retries.inc(labels, event.db_retries ?? 0);
    if (problem) this.#problems.inc({ problem });
    for (const [result, count] of Object.entries(rows ?? {})) this.#importRows.inc({ result }, count);
    if (lag !== undefined) this.#feedLag.set(lag / 1000);
  };

  #requestCounters() {
    const labels = ["method", "route"] as const;
    return {
      total: this.#counter("http_requests", "Requests that have ended.", [...labels, "status"]),
      bytesIn: this.#counter("http_request_bytes", "Bytes of request bodies.", labels),
      bytesOut: this.#counter("http_response_bytes", "Bytes of response bodies before compression.", labels),
      database: this.#counter("database_seconds", "Time between statements and their results.", labels),
      waiting: this.#counter("database_wait_seconds", "Time that statements waited to be sent.", labels),
      trips: this.#counter("database_round_trips", "Round trips that requests made to the database.", labels),
      retries: this.#counter(
        "database_retries",
        "Reads that a replica did not answer, and the primary did in a second trip.",
        labels,
      ),
    };
  }

  #watchLanes(schedulers: Pick<Scheduler, "stats">[]): void {
    const sum = (lane: LaneName, value: keyof LaneStats) =>
      schedulers.reduce((total, scheduler) => total + scheduler.stats()[lane][value], 0);
    const gauge = (name: string, help: string, value: keyof LaneStats) =>
      this.#gauge(name, help, ["lane"], "sum", (metric) => {
        for (const lane of LANES) metric.set({ lane }, sum(lane, value));
      });
    gauge("lane_running", "Statements and transactions that run.", "running");
    gauge("lane_waiting", "Statements and transactions that wait for a connection.", "waiting");
    const counter = (name: string, help: string, value: keyof LaneStats) =>
      this.#counter(name, help, ["lane"], (metric) => {
        metric.reset();
        for (const lane of LANES) metric.inc({ lane }, sum(lane, value));
      });
    counter("lane_started", "Statements and transactions that were sent.", "started");
    counter("lane_joined", "Calls that shared the statement or the transaction of another.", "joined");
    counter("lane_late", "Statements and transactions that were too late to be sent.", "late");
  }

  #watchPools(pools: (() => PoolState)[]): void {
    this.#gauge("pool_connections", "Connections to the databases.", ["state"], "sum", (metric) => {
      metric.reset();
      for (const { open, idle, size } of pools.map((state) => state())) {
        metric.inc({ state: "idle" }, idle);
        metric.inc({ state: "busy" }, open - idle);
        metric.inc({ state: "unopened" }, size - open);
      }
    });
  }

  #watchReplicas({ all }: Pick<Replicas, "all">): void {
    this.#gauge("replica_up", "Whether reads go to a replica.", ["replica"], "min", (metric) => {
      for (const { name, trouble } of all) metric.set({ replica: name }, trouble ? 0 : 1);
    });
    this.#gauge("replica_lag_seconds", "How far a replica was behind.", ["replica"], "max", (metric) => {
      metric.reset();
      for (const { name, lag } of all) if (lag !== undefined) metric.set({ replica: name }, lag);
    });
  }

  #watchStore(store: StoreState): void {
    const help = "Whether quotas are counted in the store that is configured.";
    this.#gauge("rate_limit_store_up", help, [], "min", (metric) => metric.set(store.isUp ? 1 : 0));
    const counter = (name: string, help: string, value: "trips" | "seconds" | "fallbacks") =>
      this.#counter(name, help, [], (metric) => {
        metric.reset();
        metric.inc(store[value]);
      });
    counter("rate_limit_store_round_trips", "Requests that were sent to the store to be counted.", "trips");
    counter("rate_limit_store_seconds", "Time that requests waited for the store.", "seconds");
    counter("rate_limit_fallbacks", "Requests that were counted in memory instead.", "fallbacks");
  }

  #counter<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read?: (metric: Counter<L>) => void,
  ): Counter<L> {
    return new Counter({
      name: `octavo_${name}_total`,
      help,
      labelNames,
      registers: [this.registry],
      ...(read && { collect: reading(read) }),
    });
  }

  /** @param aggregator how the values of several processes become one */
  #gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    aggregator: "sum" | "min" | "max" | "first",
    read?: (metric: Gauge<L>) => void,
  ): Gauge<L> {
    return new Gauge({
      name: `octavo_${name}`,
      help,
      labelNames,
      aggregator,
      registers: [this.registry],
      ...(read && { collect: reading(read) }),
    });
  }
}

/** The library calls `collect` with the metric as `this`. */
function reading<M>(read: (metric: M) => void) {
  return function collect(this: M) {
    read(this);
  };
}
