/** The latency of a page by its depth: by cursor in Octavo, and by OFFSET in the tutorial's bookstore. */
import { performance } from "node:perf_hooks";
import { type Catalogue, placeBehind } from "./catalogue.ts";
import { median } from "./median.ts";
import { octavoPage } from "./requests.ts";
import type { DepthPoint } from "./results.ts";
import type { Setting } from "./runner.ts";

const SHARES = [0, 0.1, 0.5, 0.9];
const LIMIT = 20;
/** No round begins after this time: with ten million rows, an OFFSET takes half a minute. */
const MAX_MS = 60_000;

interface Form {
  label: string;
  target: string;
  rounds: number;
  path(row: number): Promise<string>;
}

const byCursor = ({ client }: Catalogue, sort: "-created_at" | "title" | "price"): Form => ({
  label: `Octavo, cursor, sort=${sort}`,
  target: "octavo-node",
  rounds: 300,
  path: async (row) =>
    row === 0 ? `/api/v1/books?sort=${sort}` : octavoPage(sort, await placeBehind(client, sort, row)),
});

const byOffset: Form = {
  label: "Actix, OFFSET",
  target: "actix",
  rounds: 7,
  path: async (row) => `/api/v1/books?page=${row / LIMIT + 1}`,
};

/**
 * Measures the median of sequential requests; the rounds alternate between the depths. Skips forms whose target is not in
 * `targets`.
 */
export async function measureDepth({
  catalogue,
  surroundings,
  targets,
  servers,
  interrupted,
}: Setting): Promise<DepthPoint[]> {
  const forms = [
    ...(["-created_at", "title", "price"] as const).map((sort) => byCursor(catalogue, sort)),
    byOffset,
  ].filter(({ target }) => targets.includes(target));
  const points: DepthPoint[] = [];
  for (const { label, target, rounds, path } of forms) {
    if (interrupted.aborted) break;
    console.log(`Depth: ${label}`);
    // A deep OFFSET takes longer than the statement timeout.
    const databaseUrl = `${surroundings.databaseUrl}?options=-c%20statement_timeout%3D0`;
    const server = await servers[target]?.start(`depth-${target}`, { ...surroundings, databaseUrl });
    if (!server) continue;
    try {
      const rows = SHARES.map((share) => Math.floor((catalogue.books * share) / LIMIT) * LIMIT);
      const urls: string[] = [];
      for (const row of rows) urls.push(server.origin + (await path(row)));
      const samples = SHARES.map((): number[] => []);
      const end = performance.now() + MAX_MS;
      for (let round = -Math.ceil(rounds / 5); round < rounds; round++) {
        if (interrupted.aborted || (round > 0 && performance.now() > end)) break;
        for (const [at, url] of urls.entries()) {
          const time = await timed(url);
          if (round >= 0) samples[at]?.push(time);
        }
      }
      for (const [at, share] of SHARES.entries())
        points.push({ form: label, share, p50: median(samples[at] ?? []) });
    } finally {
      await server.stop();
    }
  }
  return points;
}

async function timed(url: string): Promise<number> {
  const started = performance.now();
  const response = await fetch(url);
  const { data } = (await response.json()) as { data: unknown[] };
  if (response.status !== 200 || data.length !== LIMIT) throw new Error(`${url} answered ${response.status}`);
  return performance.now() - started;
}
