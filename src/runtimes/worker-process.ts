/** One of several processes of a server. Loaded only there. */
import type { Registry } from "@prometheus-io/client";
import { parseServerConfig } from "../server-config.ts";
import { StartupError } from "../startup-error.ts";
import { ServerLog } from "./log.ts";
import { type Question, report, type Snapshot } from "./messages.ts";
import { aborted, type Runtime, startProcess } from "./process-server.ts";

/** Answers requests until a signal, or until the primary process is gone. Resolves to whether everything ended in order. */
export async function serveForPrimary(runtime: Runtime, signal: AbortSignal): Promise<boolean> {
  const { name, environment, listen } = runtime;
  const orphaned = new AbortController();
  process.once("disconnect", () => orphaned.abort());
  const stopping = AbortSignal.any([signal, orphaned.signal]);
  const notify = (sentence: string) => void report({ type: "notice", sentence });
  try {
    const config = await parseServerConfig(environment);
    const log = new ServerLog(config, process.pid);
    const server = await startProcess({ name, config, listen, stopping, log, notify, reportMetrics });
    await report({ type: "listening" });
    await aborted(stopping);
    const isInOrder = await server.stop();
    log.flush();
    return isInOrder;
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    await report({ type: "notice", sentence: error.message });
    return false;
  }
}

/** Answers the primary process, which asks when Prometheus does. */
function reportMetrics(registry: Registry): void {
  process.on("message", async ({ type }: Question) => {
    if (type !== "metrics?") return;
    report({ type: "metrics", metrics: (await registry.getMetricsAsJSON()) as Snapshot });
  });
}
