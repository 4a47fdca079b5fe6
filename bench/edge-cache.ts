/** Part of `npm run bench:edge`: how many listings per second workerd serves from its cache, and without one. */
import { closedLoop, type Load } from "./load.ts";
import type { HttpRequest } from "./requests.ts";
import type { Server } from "./servers.ts";

const CONNECTIONS = 16;
const SECONDS = 5;

export interface Compared {
  name: string;
  requests: HttpRequest[];
  /** Milliseconds to the database. */
  latency: number;
}

/**
 * Measures requests per second without and with EDGE_CACHE_SECONDS.
 *
 * @param start starts a Worker whose replies may be so many seconds old
 * @returns rows of a table
 */
export async function compareCache(
  cases: Compared[],
  start: (seconds: number) => Promise<Server>,
  setLatency: (milliseconds: number) => void,
): Promise<string[][]> {
  const rates = new Map<string, number[]>();
  for (const seconds of [0, 3600]) {
    const server = await start(seconds);
    try {
      for (const { name, requests, latency } of cases) {
        setLatency(latency);
        await measure(server, requests);
        const { rate } = await measure(server, requests);
        rates.set(name, [...(rates.get(name) ?? []), rate]);
      }
    } finally {
      setLatency(0);
      await server.stop();
    }
  }
  return [...rates].map(([name, [without = 0, cached = 0]]) => [
    name,
    without.toFixed(0),
    cached.toFixed(0),
    `${(cached / without).toFixed(1)} ×`,
  ]);
}

const measure = ({ origin }: Server, requests: HttpRequest[]): Promise<Load> =>
  closedLoop(origin, requests, { connections: CONNECTIONS, seconds: SECONDS, isbns: 0 });
