/** Results as tables for the terminal. */
import { type Judgement, judge } from "./acceptance.ts";
import { figure, type Results, ratio } from "./results.ts";
import { labelOf, order } from "./targets.ts";
import { WORKLOADS } from "./workloads.ts";

const count = (value: number | undefined) =>
  value === undefined ? "–" : Math.round(value).toLocaleString("en");
const decimal = (value: number | undefined, digits: number) =>
  value === undefined ? "–" : value.toFixed(digits);

export function report(results: Results): string {
  const { measurements, depth, openLoop, skipped } = results;
  const parts: string[] = [];
  for (const workload of new Set(measurements.map((one) => one.workload))) {
    const targets = [
      ...new Set(measurements.filter((one) => one.workload === workload).map((one) => one.target)),
    ];
    parts.push(
      table(
        [
          WORKLOADS[workload]?.label ?? workload,
          "req/s",
          "× Actix",
          "p50 ms",
          "p99 ms",
          "server µs",
          "Postgres µs",
          "MB",
        ],
        targets
          .toSorted((a, b) => order(a) - order(b))
          .map((target) => {
            const of = (name: Parameters<typeof figure>[3]) => figure(results, workload, target, name);
            return [
              labelOf(target),
              count(of("rate")),
              decimal(ratio(results, workload, target, "actix"), 2),
              decimal(of("p50"), 2),
              decimal(of("p99"), 2),
              count(of("serverCpu")),
              count(of("postgresCpu")),
              count(of("memory")),
            ];
          }),
      ),
    );
  }
  if (depth.length > 0) {
    const shares = [...new Set(depth.map(({ share }) => share))];
    const forms = [...new Set(depth.map(({ form }) => form))];
    parts.push(
      table(
        ["Depth: p50 in ms after", ...shares.map((share) => `${share * 100} %`)],
        forms.map((form) => [
          form,
          ...depth.filter((point) => point.form === form).map(({ p50 }) => decimal(p50, 2)),
        ]),
      ),
    );
  }
  if (openLoop.length > 0) {
    parts.push(
      table(
        ["Search, open loop at half the saturation", "req/s", "p50 ms", "p99 ms"],
        openLoop.map(({ target, rate, p50, p99 }) => [
          labelOf(target),
          count(rate),
          decimal(p50, 2),
          decimal(p99, 2),
        ]),
      ),
    );
  }
  const judgements = judge(results);
  if (judgements.length > 0) parts.push(judgementTable(judgements));
  for (const [what, missing] of Object.entries(skipped))
    parts.push(`Skipped: ${what} (${missing} is not installed).`);
  return parts.join("\n\n");
}

export const judgementTable = (judgements: Judgement[]) =>
  table(
    ["Target", "limit", "result", ""],
    judgements.map(({ what, wanted, found, reached }) => [
      what,
      wanted,
      found,
      reached ? "reached" : "MISSED",
    ]),
  );

/** Aligns the first column to the left, the others to the right. */
export function table(head: string[], rows: string[][]): string {
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at]?.length ?? 0)));
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
        .join("  "),
    )
    .join("\n");
}
