/** What a server tells whoever runs it: the log always, the rest where it is configured, and loaded only then. */
import type { Registry } from "@prometheus-io/client";
import type { Log } from "../http/observe.ts";
import type { TracingSettings } from "../http/observe-settings.ts";
import type { Tracing } from "../http/tracing.ts";
import type { ServerConfig } from "../server-config.ts";
import type { ServerLog } from "./log.ts";
import type { MetricsSources } from "./metrics.ts";

export interface Observation {
  /** Is told of each request that has ended. */
  observe: Log;
  /** Where Prometheus reads; undefined if nowhere, or in the primary process. */
  metricsUrl: string | undefined;
  tracing: Tracing | undefined;
  /** Sends the traces that are left. */
  close(): Promise<void>;
}

/** Takes the metrics of a process. */
export type MetricsReader = (registry: Registry) => void;

export interface ObservationOptions {
  config: ServerConfig;
  log: ServerLog;
  sources: MetricsSources;
  warn(sentence: string): void;
  /** Reads the metrics, in place of Prometheus. */
  reportMetrics: MetricsReader | undefined;
}

/** @throws StartupError if the port of the metrics cannot be used */
export async function startObservation(options: ObservationOptions): Promise<Observation> {
  const { config, log, warn } = options;
  const metrics = config.metrics && (await startMetrics(config.metrics, options));
  const tracing = config.tracing && (await startTracing(config.tracing, warn));
  const observers: Log[] = [log.write, ...(metrics ? [metrics.count] : [])];
  return {
    observe(event) {
      for (const observe of observers) observe(event);
    },
    metricsUrl: metrics?.server?.url,
    tracing,
    async close() {
      await tracing?.end();
      metrics?.server?.close();
    },
  };
}

async function startMetrics(
  at: NonNullable<ServerConfig["metrics"]>,
  { sources, reportMetrics }: ObservationOptions,
) {
  const { Metrics } = await import("./metrics.ts");
  const { registry, count } = new Metrics(sources);
  if (reportMetrics) {
    reportMetrics(registry);
    return { count, server: undefined };
  }
  const { serveMetrics } = await import("./metrics-server.ts");
  return { count, server: await serveMetrics(at, registry) };
}

async function startTracing(settings: TracingSettings, warn: (sentence: string) => void) {
  const { startTracing } = await import("./tracing.ts");
  return startTracing(settings, warn);
}
