/** The results of a run, as `bench/results/` keeps them. */
import { median } from "./median.ts";

/** One target under one workload in one round. */
export interface Measurement {
  workload: string;
  target: string;
  round: number;
  /** Requests answered per second. */
  rate: number;
  /** Milliseconds; pgbench does not report them. */
  p50?: number;
  p99?: number;
  /** Microseconds of CPU per request. */
  serverCpu?: number;
  postgresCpu: number;
  /** Peak resident memory of the server, in megabytes. */
  memory?: number;
}

/** The latency of a page after a share (0 to 1) of all rows. */
export interface DepthPoint {
  form: string;
  share: number;
  /** Milliseconds. */
  p50: number;
}

/** Searches in an open loop, at half of the rate that saturates the target. */
export interface OpenLoop {
  target: string;
  /** Requests per second. */
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
  /** What was skipped, and the missing program. */
  skipped: Record<string, string>;
  measurements: Measurement[];
  depth: DepthPoint[];
  openLoop: OpenLoop[];
}

export type Figure = "rate" | "p50" | "p99" | "serverCpu" | "postgresCpu" | "memory";

/** The median of the rounds, if there are any. */
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

/** The ratios of a target's figure to that of `base`, for each round that measured both. */
export function ratios(
  measurements: Measurement[],
  workload: string,
  target: string,
  base: string,
  name: Figure,
): number[] {
  const byRound = (of: string) =>
    new Map(
      measurements
        .filter((one) => one.workload === workload && one.target === of)
        .map((one) => [one.round, one[name]]),
    );
  const bases = byRound(base);
  return [...byRound(target)].flatMap(([round, value]) => {
    const other = bases.get(round);
    return value && other ? [value / other] : [];
  });
}

/** The ratio of the requests per second: the median of the rounds' ratios, since conditions change between rounds. */
export function ratio(
  { measurements }: Results,
  workload: string,
  target: string,
  base: string,
): number | undefined {
  const rates = ratios(measurements, workload, target, base, "rate");
  return rates.length > 0 ? median(rates) : undefined;
}
