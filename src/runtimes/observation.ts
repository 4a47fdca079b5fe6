/** What a server tells whoever runs it: the log always, the rest where it is configured, and loaded only then. */
import type { ServerConfig } from "../config.ts";
import type { Log } from "../http/observe.ts";
import type { TracingSettings } from "../http/observe-settings.ts";
import type { Tracing } from "../http/tracing.ts";
import { ServerLog } from "./log.ts";
import type { MetricsSources } from "./metrics.ts";

export interface Observation {
  log: ServerLog;
  /** Is told of each request that has ended. */
  observe: Log;
  /** Where Prometheus reads; undefined if nowhere. */
  metricsUrl: string | undefined;
  tracing: Tracing | undefined;
  /** Sends the traces that are left. */
  close(): Promise<void>;
}

/** @throws StartupError if the port of the metrics cannot be used */
export async function startObservation(
  config: ServerConfig,
  sources: MetricsSources,
  warn: (sentence: string) => void,
): Promise<Observation> {
  const log = new ServerLog(config);
  const server = config.metrics && (await startMetrics(config.metrics, sources));
  const tracing = config.tracing && (await startTracing(config.tracing, warn));
  const observers: Log[] = [log.write, ...(server ? [server.metrics.count] : [])];
  return {
    log,
    observe(event) {
      for (const observe of observers) observe(event);
    },
    metricsUrl: server?.url,
    tracing,
    async close() {
      await tracing?.end();
      server?.close();
    },
  };
}

async function startMetrics(at: NonNullable<ServerConfig["metrics"]>, sources: MetricsSources) {
  const { startMetrics } = await import("./metrics-server.ts");
  return startMetrics(at, sources);
}

async function startTracing(settings: TracingSettings, warn: (sentence: string) => void) {
  const { startTracing } = await import("./tracing.ts");
  return startTracing(settings, warn);
}
