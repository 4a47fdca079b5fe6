import { vi } from "vitest";
import type { ServerProcess } from "./servers.ts";

/** An event of a server's log. */
export interface Event {
  event: string;
  time: string;
  pid: number;
  request_id: string;
  [member: string]: unknown;
}

/** The events of one kind that a server has logged so far. */
export const eventsOf = (server: ServerProcess, event: string): Event[] =>
  server
    .output()
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line))
    .filter((other) => other.event === event);

/** The sums of a server's metrics over all labels, by their names. */
export async function metricsOf(server: ServerProcess): Promise<Record<string, number>> {
  const at = await vi.waitUntil(() => server.notices().match(/^Metrics at (.+)$/m)?.[1], { timeout: 20_000 });
  const sums: Record<string, number> = {};
  for (const line of (await (await fetch(at)).text()).split("\n")) {
    const [, name, value] = line.match(/^(\w+)(?:\{.*\})? (\S+)$/) ?? [];
    if (name) sums[name] = (sums[name] ?? 0) + Number(value);
  }
  return sums;
}
