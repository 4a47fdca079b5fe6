/** Draws the resident memory of commands over their time, as SVG. */

export interface Samples {
  label: string;
  /** Seconds from the start, and megabytes. */
  points: [seconds: number, megabytes: number][];
}

const WIDTH = 1080;
const HEIGHT = 360;
const MARGIN = { top: 64, right: 24, bottom: 48, left: 64 };
const COLOURS = ["#c2410c", "#0369a1", "#4d7c0f", "#7e22ce"];
const INK = "#0f172a";
const FAINT = "#64748b";
/** Megabytes: the promise, and the height of the plot. */
const LIMIT = 200;
const TOP = 250;

const text = (x: number, y: number, content: string, anchor = "start", fill = FAINT) =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="12" fill="${fill}" text-anchor="${anchor}">${content}</text>`;

/** @returns an SVG document; the time of each command is scaled to the whole width */
export function memoryPlot(all: Samples[]): string {
  const width = WIDTH - MARGIN.left - MARGIN.right;
  const height = HEIGHT - MARGIN.top - MARGIN.bottom;
  const y = (megabytes: number) => MARGIN.top + height * (1 - Math.min(megabytes, TOP) / TOP);
  const curves = all.map(({ points }, at) => {
    const end = points.at(-1)?.[0] ?? 1;
    const path = points
      .map(
        ([seconds, megabytes]) =>
          `${(MARGIN.left + (width * seconds) / end).toFixed(1)},${y(megabytes).toFixed(1)}`,
      )
      .join(" ");
    return `<polyline points="${path}" fill="none" stroke="${COLOURS[at % COLOURS.length]}" stroke-width="1.5"/>`;
  });
  const legend = all.map(({ label, points }, at) => {
    const x = MARGIN.left + at * 250;
    const seconds = points.at(-1)?.[0] ?? 0;
    return `<rect x="${x}" y="34" width="14" height="3" fill="${COLOURS[at % COLOURS.length]}"/>${text(x + 20, 40, `${label}, ${seconds.toFixed(0)} s`)}`;
  });
  const lines = [0, 50, 100, 150, LIMIT, TOP].map(
    (megabytes) =>
      `<path d="M${MARGIN.left} ${y(megabytes)} h${width}" stroke="${megabytes === LIMIT ? "#dc2626" : "#e2e8f0"}"/>${text(MARGIN.left - 8, y(megabytes) + 4, `${megabytes} MB`, "end")}`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif">
<title>Resident memory of imports and exports</title>
<rect width="100%" height="100%" fill="white"/>
${text(MARGIN.left, 20, "Resident memory over the part of the file that is done", "start", INK)}
${[...legend, ...lines, ...curves].join("\n")}
${text(MARGIN.left, HEIGHT - 20, "start")}${text(WIDTH - MARGIN.right, HEIGHT - 20, "end", "end")}
</svg>
`;
}
