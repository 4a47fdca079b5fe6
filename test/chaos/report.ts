/** The outcome of `npm run test:chaos`, in Markdown, which reads well in a terminal too. */
import type { Effect } from "./run.ts";

export interface Totals {
  minutes: number;
  confirmed: number;
  slowest: number;
  faults: string[];
}

const seconds = (value: number | undefined) => (value === undefined ? "–" : value.toFixed(2));

/** Faults × routes of a runtime: answered right / 503 / seconds until recovery. */
function tableOf(effects: Effect[]): string {
  const routes = [...(effects[0]?.cells.keys() ?? [])];
  const headers = ["fault", ...routes, "red", "green", "rate", "p99 ms"];
  const rows = effects.map(({ fault, cells, red, green, throughput, p99 }) => [
    fault,
    ...routes.map((route) => {
      const { right = 0, unavailable = 0, recovery = 0 } = cells.get(route) ?? {};
      return `${right} / ${unavailable} / ${recovery.toFixed(2)}`;
    }),
    ...[red, green, throughput].map(seconds),
    p99.toFixed(0),
  ]);
  return tabular(headers, rows);
}

/** A table of Markdown whose columns are aligned. */
export function tabular(headers: string[], rows: string[][]): string {
  const widths = headers.map((header, at) =>
    Math.max(header.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (cells: string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  return [line(headers), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

export function reportOf(effects: Effect[], { minutes, confirmed, slowest, faults }: Totals): string {
  const runtimes = [...new Set(effects.map(({ runtime }) => runtime))];
  const tables = runtimes.map(
    (runtime) => `## ${runtime}\n\n${tableOf(effects.filter((effect) => effect.runtime === runtime))}`,
  );
  const right = "answered right / 503 / seconds after the fault until the first right answer";
  return [
    "# Chaos",
    `${minutes} minutes. Cells: ${right}. \`red\` and \`green\`: seconds until \`/ready\` said so. \`rate\`: seconds until a quarter of the requests per second of the beginning were answered again.`,
    ...tables,
    `${confirmed} writes were confirmed and compared with the database. The slowest answer took ${(slowest / 1000).toFixed(2)} s.`,
    faults.length === 0
      ? "Nothing was wrong."
      : `Wrong: ${faults.length}.\n\n${faults
          .slice(0, 50)
          .map((fault) => `- ${fault.slice(0, 500)}`)
          .join("\n")}`,
    "",
  ].join("\n\n");
}
