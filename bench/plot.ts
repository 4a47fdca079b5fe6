/** Draws results as SVG: a panel of bars for each workload, and curves for the depth of pages. */
import { figure, type Results } from "./results.ts";
import { familyOf, labelOf, order, TARGETS } from "./targets.ts";
import { WORKLOADS } from "./workloads.ts";

const WIDTH = 1080;
const COLUMNS = 3;
const MARGIN = 24;
const GAP = 28;
const BAR = 14;
const ROW = 19;
const HEAD = 26;
const LABEL = 118;
const FIGURES = 92;
const PANEL = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS;

const COLOURS = { octavo: "#c2410c", peer: "#64748b", limit: "#cbd5e1" };
const INK = "#0f172a";
const FAINT = "#64748b";

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const short = (rate: number) =>
  rate < 1000 ? rate.toFixed(0) : `${(rate / 1000).toFixed(rate < 10_000 ? 1 : 0)}k`;

interface Style {
  size?: number;
  fill?: string;
  anchor?: "start" | "middle" | "end";
  weight?: number;
}

const text = (
  x: number,
  y: number,
  content: string,
  { size = 11, fill = INK, anchor = "start", weight = 400 }: Style = {},
) =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" fill="${fill}" text-anchor="${anchor}" font-weight="${weight}">${escaped(content)}</text>`;

/** @returns an SVG document */
export function plot(results: Results): string {
  const { books, rounds, seconds, warmUp, connections, poolSize } = results.method;
  const parts = [
    text(MARGIN, 34, `Octavo and its peers, ${books.toLocaleString("en")} books`, { size: 18, weight: 600 }),
    text(MARGIN, 54, `Requests per second, and p99 in ms. ${results.machine}.`, { fill: FAINT }),
    text(
      MARGIN,
      70,
      `Load generator, server and Postgres run on this machine. ${connections} connections to each server, ${poolSize} to Postgres; medians of ${rounds} alternating rounds of ${seconds} s after ${warmUp} s of warm-up, ${results.date.slice(0, 10)}.`,
      { fill: FAINT },
    ),
  ];
  let y = 96;
  const workloads = [...new Set(results.measurements.map(({ workload }) => workload))];
  for (let at = 0; at < workloads.length; at += COLUMNS) {
    const row = workloads.slice(at, at + COLUMNS).map((workload) => targetsOf(results, workload));
    for (const [column, targets] of row.entries()) {
      const x = MARGIN + column * (PANEL + GAP);
      parts.push(bars(results, workloads[at + column] as string, targets, x, y));
    }
    y += HEAD + Math.max(...row.map(({ length }) => length)) * ROW + GAP;
  }
  if (results.depth.length > 0) {
    parts.push(depthCurves(results, MARGIN, y));
    y += DEPTH_HEIGHT + GAP;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif">
<title>Octavo and its peers: requests per second by workload</title>
<rect width="100%" height="100%" fill="white"/>
${parts.join("\n")}
</svg>
`;
}

function targetsOf({ measurements }: Results, workload: string): string[] {
  const targets = measurements.filter((one) => one.workload === workload).map(({ target }) => target);
  return [...new Set(targets)].toSorted((a, b) => order(a) - order(b));
}

function bars(results: Results, workload: string, targets: string[], x: number, y: number): string {
  const rates = targets.map((target) => figure(results, workload, target, "rate") ?? 0);
  // With the bare servers in scale, all other bars would be too short to compare.
  const most = Math.max(...targets.map((target, at) => (TARGETS[target]?.isBare ? 0 : (rates[at] ?? 0))));
  const room = PANEL - LABEL - FIGURES;
  const lines = targets.map((target, at) => {
    const [top, rate] = [y + HEAD + at * ROW, rates[at] ?? 0];
    const family = familyOf(target);
    const width = Math.max(1, room * Math.min(1, rate / most));
    const p99 = figure(results, workload, target, "p99");
    const middle = top + BAR / 2 + 4;
    return [
      text(x + LABEL - 6, middle, labelOf(target), {
        anchor: "end",
        weight: family === "octavo" ? 600 : 400,
        fill: family === "limit" ? FAINT : INK,
      }),
      `<rect x="${(x + LABEL).toFixed(1)}" y="${top}" width="${width.toFixed(1)}" height="${BAR}" rx="2" fill="${COLOURS[family]}"/>`,
      // Marks a bar that is cut off.
      ...(rate > most
        ? [
            `<path d="M${(x + LABEL + width - 12).toFixed(1)} ${top} l-4 ${BAR} m4 0 l4 -${BAR}" stroke="white" stroke-width="1.5" fill="none"/>`,
          ]
        : []),
      text(x + LABEL + width + 5, middle, short(rate), { weight: 600 }),
      ...(p99 === undefined
        ? []
        : [text(x + LABEL + width + 41, middle, `${p99.toFixed(p99 < 10 ? 1 : 0)} ms`, { fill: FAINT })]),
    ].join("");
  });
  return [text(x, y + 12, WORKLOADS[workload]?.label ?? workload, { size: 13, weight: 600 }), ...lines].join(
    "\n",
  );
}

const DEPTH_HEIGHT = 250;
const DEPTH_WIDTH = 560;
const SHADES = [COLOURS.octavo, "#ea8a4f", "#f3b994"];

/** Plots milliseconds on a logarithmic scale over the fraction of rows before the page. */
function depthCurves({ depth }: Results, x: number, y: number): string {
  const [left, top, bottom] = [x + 44, y + 30, y + DEPTH_HEIGHT - 30];
  const times = depth.map(({ p50 }) => p50);
  const from = Math.floor(Math.log10(Math.min(...times)));
  const to = Math.ceil(Math.log10(Math.max(...times)));
  const across = (share: number) => left + share * (DEPTH_WIDTH - 60);
  const down = (time: number) => bottom - ((Math.log10(time) - from) / (to - from)) * (bottom - top);
  const powers = Array.from({ length: to - from + 1 }, (_, at) => 10 ** (from + at));
  const shares = [...new Set(depth.map(({ share }) => share))];
  const forms = [...new Set(depth.map(({ form }) => form))];
  const curves = forms.map((form, at) => {
    const points = depth.filter((point) => point.form === form);
    const colour = form.startsWith("Octavo") ? (SHADES[at % SHADES.length] as string) : COLOURS.peer;
    const path = points.map(
      ({ share, p50 }, n) => `${n ? "L" : "M"}${across(share).toFixed(1)} ${down(p50).toFixed(1)}`,
    );
    const last = points.at(-1);
    const legend = top + 4 + at * 20;
    return [
      `<path d="${path.join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...points.map(
        ({ share, p50 }) =>
          `<circle cx="${across(share).toFixed(1)}" cy="${down(p50).toFixed(1)}" r="3" fill="${colour}"/>`,
      ),
      `<rect x="${left + DEPTH_WIDTH}" y="${legend - 9}" width="12" height="12" rx="2" fill="${colour}"/>`,
      text(
        left + DEPTH_WIDTH + 18,
        legend + 1,
        `${form}: ${points[0]?.p50.toFixed(2)} ms, at 90 % ${last?.p50.toFixed(2)} ms`,
      ),
    ].join("");
  });
  return [
    text(x, y + 12, "A page of 20 by its depth: p50 in ms", { size: 13, weight: 600 }),
    ...powers.map(
      (power) =>
        `<line x1="${left}" x2="${across(1)}" y1="${down(power).toFixed(1)}" y2="${down(power).toFixed(1)}" stroke="#e2e8f0"/>${text(left - 8, down(power) + 4, `${power}`, { anchor: "end", fill: FAINT })}`,
    ),
    ...shares.map((share) =>
      text(across(share), bottom + 18, `${share * 100} %`, { anchor: "middle", fill: FAINT }),
    ),
    ...curves,
  ].join("\n");
}
