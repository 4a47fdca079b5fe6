/** How this tree compares with another commit, beside how it compares with itself. */
import type { Judgement } from "./acceptance.ts";
import { median } from "./median.ts";
import { judgementTable, table } from "./report.ts";
import { type Figure, type Measurement, ratios } from "./results.ts";
import { labelOf } from "./targets.ts";
import { WORKLOADS } from "./workloads.ts";

/** Suffixes of a runtime's name: the other commit's server, and a second one of this tree. */
export const OTHER = "-other";
export const AGAIN = "-again";

const FIGURES = { rate: "req/s", serverCpu: "server CPU", postgresCpu: "Postgres CPU", p99: "p99" } as const;

/** The least requests per second, and the most p99 beyond the noise, as ratios to the other commit. */
const LEAST_RATE = 0.97;
const MOST_P99 = 1.1;

interface Spread {
  median: number;
  lowest: number;
  highest: number;
}

/** @returns undefined for no values */
export function spreadOf(values: number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) };
}

/** One workload on one runtime. */
interface Comparison {
  workload: string;
  runtime: string;
  /** The ratios of this tree to the other commit, and of this tree to itself. */
  change(figure: Figure): Spread | undefined;
  noise(figure: Figure): Spread | undefined;
}

function comparisonsOf(measurements: Measurement[]): Comparison[] {
  const others = measurements.filter(({ target }) => target.endsWith(OTHER));
  const pairs = new Map(others.map((one) => [`${one.workload} ${one.target}`, one]));
  return [...pairs.values()].map(({ workload, target }) => {
    const runtime = target.slice(0, -OTHER.length);
    const to = (base: string) => (figure: Figure) =>
      spreadOf(ratios(measurements, workload, runtime, base, figure));
    return { workload, runtime, change: to(target), noise: to(runtime + AGAIN) };
  });
}

/** @returns a table of ratios, and whether they are within the limits */
export function reportComparison(commit: string, measurements: Measurement[]): string {
  const comparisons = comparisonsOf(measurements);
  const names = Object.keys(FIGURES) as (keyof typeof FIGURES)[];
  const tables = [...new Set(comparisons.map(({ workload }) => workload))].map((workload) =>
    table(
      [labelOfWorkload(workload), ...Object.values(FIGURES)],
      comparisons
        .filter((one) => one.workload === workload)
        .flatMap(({ runtime, change, noise }) => [
          [`${labelOf(runtime)}: this tree to ${commit}`, ...names.map((name) => format(change(name)))],
          [`${labelOf(runtime)}: this tree to itself`, ...names.map((name) => format(noise(name)))],
        ]),
    ),
  );
  const method = "Ratios: the median of the rounds (the lowest to the highest).";
  return [...tables, method, judgementTable(judgeComparison(measurements))].join("\n\n");
}

export function judgeComparison(measurements: Measurement[]): Judgement[] {
  return comparisonsOf(measurements).flatMap(({ workload, runtime, change, noise }) => {
    const what = `${labelOfWorkload(workload)}: ${labelOf(runtime)}`;
    const rate = change("rate")?.median ?? Number.NaN;
    const p99 = change("p99")?.median ?? Number.NaN;
    const { lowest = 1, highest = 1 } = noise("p99") ?? {};
    // Which of two equal servers is the slower one is chance, so the noise counts in both directions.
    const most = MOST_P99 * Math.max(highest, 1 / lowest);
    return [
      {
        what: `${what}, req/s`,
        wanted: `≥ ${LEAST_RATE} ×`,
        found: `${rate.toFixed(2)} ×`,
        reached: rate >= LEAST_RATE,
      },
      {
        what: `${what}, p99`,
        wanted: `≤ ${most.toFixed(2)} × (${MOST_P99} beyond the noise)`,
        found: `${p99.toFixed(2)} ×`,
        reached: p99 <= most,
      },
    ];
  });
}

const labelOfWorkload = (workload: string) => WORKLOADS[workload]?.label ?? workload;

const format = (spread: Spread | undefined) =>
  spread ? `${spread.median.toFixed(2)} × (${spread.lowest.toFixed(2)}–${spread.highest.toFixed(2)})` : "–";
