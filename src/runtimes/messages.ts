/** What the processes of a server say to each other. */
import type { MetricObjectWithValues, MetricValue } from "@prometheus-io/client";

/** The metrics of a process, as the library exchanges them. */
export type Snapshot = MetricObjectWithValues<MetricValue<string>>[];

/** From a process that answers requests to the primary one. */
export type Report =
  | { type: "listening" }
  | { type: "notice"; sentence: string }
  | { type: "metrics"; metrics: Snapshot };

/** From the primary process. */
export interface Question {
  type: "metrics?";
}

/** Resolves when the primary process has it, or is gone. */
export function report(message: Report): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected || !process.send) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}
