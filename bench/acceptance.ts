/** The targets of the benchmark, and whether a run reaches them. */
import { figure, type Results, ratio } from "./results.ts";
import { labelOf } from "./targets.ts";
import { WORKLOADS } from "./workloads.ts";

export interface Judgement {
  what: string;
  wanted: string;
  found: string;
  reached: boolean;
}

/** By workload: target, base, and the minimum ratio of their requests per second. */
const RATIOS: Record<string, [target: string, base: string, least: number][]> = {
  point: [
    ["octavo-bun", "actix", 1.5],
    ["octavo-node", "actix", 1.2],
    ["octavo-node", "fastify", 2.5],
    ["octavo-bun", "pgbench", 0.85],
    ["octavo-node", "pgbench", 0.7],
  ],
  "first-page": [
    ["octavo-bun", "actix", 3],
    ["octavo-node", "actix", 2],
    ["octavo-node", "fastify", 5],
  ],
  page: [
    ["octavo-bun", "actix", 1],
    ["octavo-node", "actix", 0.8],
    ["octavo-node", "fastify", 1.5],
    ["octavo-bun", "pgbench", 0.4],
    ["octavo-node", "pgbench", 0.35],
  ],
  search: [
    ["octavo-bun", "actix", 1.5],
    ["octavo-node", "actix", 1.5],
    ["octavo-node", "fastify", 1.5],
  ],
  create: [
    ["octavo-bun", "actix", 0.9],
    ["octavo-node", "actix", 0.7],
    ["octavo-node", "fastify", 1.3],
  ],
  stock: [
    ["octavo-bun", "actix", 0.9],
    ["octavo-node", "actix", 0.7],
    ["octavo-node", "fastify", 1.3],
  ],
};

/** The maximum memory under any workload, in megabytes. */
const MEMORY: Record<string, number> = { "octavo-node": 200, "octavo-bun": 160 };
/** The maximum ratio of the latency of the deepest page to that of the first. */
const DEPTH = 1.2;
/** The maximum p99 in the open loop, in milliseconds. */
const SEARCH_P99 = 30;

/** @returns a judgement for each target for which there are results */
export function judge(results: Results): Judgement[] {
  return [
    ...Object.entries(RATIOS).flatMap(([workload, rows]) =>
      rows.flatMap((row) => judgeRatio(results, workload, ...row)),
    ),
    ...Object.entries(MEMORY).flatMap(([target, most]) => {
      const own = results.measurements.filter((one) => one.target === target);
      const peak = Math.max(0, ...own.map(({ memory = 0 }) => memory));
      return peak > 0 ? [atMost(`Memory, ${labelOf(target)}`, peak, most, " MB")] : [];
    }),
    ...judgeDepth(results),
    ...results.openLoop
      .filter(({ target }) => target in MEMORY)
      .map(({ target, p99 }) =>
        atMost(`Search at half saturation, p99, ${labelOf(target)}`, p99, SEARCH_P99, " ms"),
      ),
  ];
}

/** A target is reached only if p99 is no worse than that of the base. */
function judgeRatio(
  results: Results,
  workload: string,
  target: string,
  base: string,
  least: number,
): Judgement[] {
  const found = ratio(results, workload, target, base);
  if (found === undefined) return [];
  const [own, others] = [target, base].map((name) => figure(results, workload, name, "p99"));
  const tails = own && others ? `, p99 ${own.toFixed(1)} to ${others.toFixed(1)} ms` : "";
  return [
    {
      what: `${WORKLOADS[workload]?.label}: ${labelOf(target)} to ${labelOf(base)}`,
      wanted: `≥ ${least} ×`,
      found: `${found.toFixed(2)} ×${tails}`,
      reached: found >= least && !(own && others && own > others),
    },
  ];
}

function judgeDepth({ depth }: Results): Judgement[] {
  const cursors = depth.filter(({ form }) => form.startsWith("Octavo"));
  return [...new Set(cursors.map(({ form }) => form))].map((form) => {
    const points = cursors.filter((point) => point.form === form);
    const [first, last] = [points[0]?.p50 ?? Number.NaN, points.at(-1)?.p50 ?? Number.NaN];
    return atMost(`The deepest page to the first, ${form}`, last / first, DEPTH, " ×");
  });
}

const atMost = (what: string, found: number, most: number, unit: string): Judgement => ({
  what,
  wanted: `≤ ${most}${unit}`,
  found: `${found.toFixed(unit === " ×" ? 2 : 1)}${unit}`,
  reached: found <= most,
});
