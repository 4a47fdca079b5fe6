/** What a server tells whoever runs it: the log always, the rest where it is configured, and loaded only then. */
import type { ServerConfig } from "../config.ts";
import type { Log } from "../http/observe.ts";
import { ServerLog } from "./log.ts";
import type { MetricsSources } from "./metrics.ts";

export interface Observation {
  log: ServerLog;
  /** Is told of each request that has ended. */
  observe: Log;
  /** Where Prometheus reads; undefined if nowhere. */
  metricsUrl: string | undefined;
  close(): void;
}

/** @throws StartupError if the port of the metrics cannot be used */
export async function startObservation(config: ServerConfig, sources: MetricsSources): Promise<Observation> {
  const log = new ServerLog(config);
  const server = config.metrics && (await startMetrics(config.metrics, sources));
  const observers: Log[] = [log.write, ...(server ? [server.metrics.count] : [])];
  return {
    log,
    observe(event) {
      for (const observe of observers) observe(event);
    },
    metricsUrl: server?.url,
    close: () => server?.close(),
  };
}

async function startMetrics(at: NonNullable<ServerConfig["metrics"]>, sources: MetricsSources) {
  const { startMetrics } = await import("./metrics-server.ts");
  return startMetrics(at, sources);
}
