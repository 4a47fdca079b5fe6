/** What a run of the benchmark found, as it is kept in `bench/results/`. */
import { median } from "./median.ts";

/** One target under one workload, once. */
export interface Measurement {
  workload: string;
  target: string;
  round: number;
  /** Requests answered in a second. */
  rate: number;
  /** Milliseconds; pgbench does not tell them. */
  p50?: number;
  p99?: number;
  /** Microseconds of CPU for a request. */
  serverCpu?: number;
  postgresCpu: number;
  /** The most that the server had resident, in megabytes. */
  memory?: number;
}

/** What a page costs, behind a share of the rows. */
export interface DepthPoint {
  form: string;
  share: number;
  /** Milliseconds. */
  p50: number;
}

/** Searches in an open loop, at half of what the target can do at most. */
export interface OpenLoop {
  target: string;
  /** Requests a second. */
  rate: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
}

export interface Results {
  date: string;
  commit: string;
  machine: string;
  versions: Record<string, string>;
  method: {
    books: number;
    rounds: number;
    seconds: number;
    warmUp: number;
    connections: number;
    poolSize: number;
    postgres: string[];
  };
  /** What was left out, and the program that was missing for it. */
  skipped: Record<string, string>;
  measurements: Measurement[];
  depth: DepthPoint[];
  openLoop: OpenLoop[];
}

type Figure = "rate" | "p50" | "p99" | "serverCpu" | "postgresCpu" | "memory";

/** The median of the rounds; undefined where there is none. */
export function figure(
  { measurements }: Results,
  workload: string,
  target: string,
  name: Figure,
): number | undefined {
  const values = measurements
    .filter((one) => one.workload === workload && one.target === target)
    .map((one) => one[name])
    .filter((value) => value !== undefined);
  return values.length > 0 ? median(values) : undefined;
}

/** How many times the rate of `base` a target has: the median of the rounds' own ratios, as each has its own weather. */
export function ratio(
  { measurements }: Results,
  workload: string,
  target: string,
  base: string,
): number | undefined {
  const rates = (name: string) =>
    new Map(
      measurements
        .filter((one) => one.workload === workload && one.target === name)
        .map(({ round, rate }) => [round, rate]),
    );
  const bases = rates(base);
  const ratios = [...rates(target)].flatMap(([round, rate]) => {
    const other = bases.get(round);
    return other ? [rate / other] : [];
  });
  return ratios.length > 0 ? median(ratios) : undefined;
}
