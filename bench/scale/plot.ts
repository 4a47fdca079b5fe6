/** Draws the model as SVG: cores by requests per day, and bytes by books. Its colours follow the reader's theme. */
import { PEAK, POSTGRES } from "./assumptions.ts";
import type { Model } from "./model.ts";
import { bytes as bytesText, count } from "./numbers.ts";

const WIDTH = 1080;
const HEIGHT = 440;
const PANEL = { left: 64, top: 70, width: 420, height: 300 };
const RIGHT = 560;

/** Several values over a logarithmic axis; what lies beyond `measured` is drawn dashed. */
interface Curve {
  label: string;
  colour: 1 | 2 | 3 | 4;
  points: [x: number, y: number][];
  measured: number;
  /** Shows where the figures come from. */
  hasDots?: boolean;
}

interface Panel {
  title: string;
  x: Axis;
  y: Axis;
  curves: Curve[];
  marks: { y: number; label: string }[];
}

/** From one power of ten to another. */
interface Axis {
  from: number;
  to: number;
  text(value: number): string;
}

const STYLE = `
svg { --ink: #0f172a; --faint: #64748b; --grid: #e2e8f0; --paper: #ffffff; --c1: #c2410c; --c2: #0369a1; --c3: #4d7c0f; --c4: #7e22ce; }
@media (prefers-color-scheme: dark) {
  svg { --ink: #e2e8f0; --faint: #94a3b8; --grid: #334155; --paper: #0d1117; --c1: #fb923c; --c2: #38bdf8; --c3: #a3e635; --c4: #c084fc; }
}
text { font-size: 12px; fill: var(--faint); } .title { font-size: 14px; font-weight: 600; fill: var(--ink); }
.over { paint-order: stroke; stroke: var(--paper); stroke-width: 4; } .grid { stroke: var(--grid); } .mark { stroke: var(--faint); stroke-dasharray: 2 4; } .curve { fill: none; stroke-width: 2; }
.beyond { stroke-dasharray: 6 5; } ${[1, 2, 3, 4].map((n) => `.s${n} { stroke: var(--c${n}); } .f${n} { fill: var(--c${n}); }`).join(" ")}`;

const text = (x: number, y: number, content: string, anchor = "start", kind = "") =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"${kind && ` class="${kind}"`}>${content}</text>`;

/** @returns an SVG document */
export function plot(model: Model): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif">
<title>Cores by requests per day, and bytes by books</title>
<style>${STYLE}
</style>
<rect width="100%" height="100%" style="fill: var(--paper)"/>
${draw(coresPanel(model), PANEL.left)}
${draw(bytesPanel(model), RIGHT + PANEL.left)}
${text(PANEL.left, HEIGHT - 16, "Solid lines: measured. Dashed lines: extrapolated.")}
</svg>
`;
}

const between = (from: number, to: number, steps = 40) =>
  Array.from({ length: steps + 1 }, (_, at) => from * (to / from) ** (at / steps));

function coresPanel(model: Model): Panel {
  const days = between(1e6, 1e9);
  const needs = (books: number) => days.map((requests) => ({ requests, ...model.need({ requests, books }) }));
  const [small, large] = [needs(1e6), needs(1e8)];
  const measured = model.measuredPerDay();
  const curve = (
    label: string,
    colour: Curve["colour"],
    of: (need: (typeof small)[number]) => number,
    from = small,
  ) => ({
    label,
    colour,
    points: from.map((need): [number, number] => [need.requests, of(need)]),
    measured: from === small ? measured : 0,
  });
  return {
    title: `Cores in the busiest second (${PEAK} × the mean), by requests per day`,
    x: { from: 1e6, to: 1e9, text: count },
    y: { from: 0.001, to: 10_000, text: count },
    curves: [
      curve("Postgres, reads of 100 million books", 2, ({ readCores }) => readCores, large),
      curve("Postgres, reads of 1 million books", 1, ({ readCores }) => readCores),
      curve("server on Node", 3, ({ serverCores }) => serverCores),
      curve("Postgres, writes", 4, ({ writeCores }) => writeCores),
    ],
    marks: [
      { y: 1, label: "one process" },
      { y: POSTGRES.cores, label: `one Postgres with ${POSTGRES.cores} cores` },
    ],
  };
}

function bytesPanel(model: Model): Panel {
  const books = between(1e4, 1e8);
  const curve = (label: string, colour: Curve["colour"], of: (books: number) => number) => ({
    label,
    colour,
    points: [...new Set([...model.sizes, ...books])]
      .sort((a, b) => a - b)
      .map((n): [number, number] => [n, of(n)]),
    measured: model.largest,
    hasDots: true,
  });
  return {
    title: "Bytes of tables and indexes, by books",
    x: { from: 1e4, to: 1e8, text: count },
    y: { from: 1e6, to: 1e12, text: bytesText },
    curves: [
      curve("all", 1, (n) => model.bytes(n)),
      curve("books", 2, (n) => model.bytesOf("books", n)),
      curve("search", 3, (n) => model.bytesOf("book_search", n) + model.bytesOf("search_words", n)),
      curve(
        "ledger and feed",
        4,
        (n) => model.bytesOf("stock_movements", n) + model.bytesOf("book_changes", n),
      ),
    ],
    marks: [{ y: POSTGRES.ram, label: `RAM of ${bytesText(POSTGRES.ram)}` }],
  };
}

function draw({ title, x, y, curves, marks }: Panel, left: number): string {
  const { top, width, height } = PANEL;
  const share = (value: number, { from, to }: Axis) => Math.log(value / from) / Math.log(to / from);
  const across = (value: number) => left + width * share(value, x);
  const down = (value: number) => top + height * (1 - share(value, y));
  const powers = ({ from, to }: Axis) =>
    Array.from({ length: Math.round(Math.log10(to / from)) + 1 }, (_, at) => from * 10 ** at);
  const path = (points: [number, number][]) =>
    points.map(([a, b], at) => `${at ? "L" : "M"}${across(a).toFixed(1)} ${down(b).toFixed(1)}`).join(" ");
  const line = ({ points, colour, measured, hasDots }: Curve) => {
    const visible = points.filter(([, b]) => b >= y.from && b <= y.to);
    const [known, beyond] = [visible.filter(([a]) => a <= measured), visible.filter(([a]) => a >= measured)];
    // The dashed part begins where the solid part ends.
    const start = known.slice(-1).filter(([a]) => a < measured);
    return [
      `<path class="curve s${colour}" d="${path(known)}"/>`,
      `<path class="curve beyond s${colour}" d="${path([...start, ...beyond])}"/>`,
      ...known
        .filter(([a]) => hasDots && [1e4, 1e5, 1e6].includes(a))
        .map(
          ([a, b]) =>
            `<circle class="f${colour}" cx="${across(a).toFixed(1)}" cy="${down(b).toFixed(1)}" r="3.5"/>`,
        ),
    ].filter((part) => !part.includes('d=""'));
  };
  return [
    text(left, 24, title, "start", "title"),
    ...curves.map(({ label, colour }, at) => {
      const [column, row] = [left + (at % 2) * 250, 44 + Math.floor(at / 2) * 16];
      return `<rect class="f${colour}" x="${column}" y="${row - 6}" width="14" height="3"/>${text(column + 20, row, label)}`;
    }),
    ...powers(y).map(
      (value) =>
        `<path class="grid" d="M${left} ${down(value).toFixed(1)} h${width}"/>${text(left - 8, down(value) + 4, y.text(value), "end")}`,
    ),
    ...powers(x).map((value) => text(across(value), top + height + 20, x.text(value), "middle")),
    ...curves.flatMap(line),
    ...marks.map(
      (mark) =>
        `<path class="mark" d="M${left} ${down(mark.y).toFixed(1)} h${width}"/>${text(left + 6, down(mark.y) - 5, mark.label, "start", "over")}`,
    ),
  ].join("\n");
}
