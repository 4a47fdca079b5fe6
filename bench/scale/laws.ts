/** The laws by which measured figures go on beyond the largest catalogue that was measured. */

/** What was measured with so many books. */
export type Point = [books: number, value: number];

export type Law = (points: Point[]) => (books: number) => number;

/** Through the last two points, as a straight line: what tables and btrees take. */
export const linear: Law = (points) => {
  const [[x1, y1], [x2, y2]] = lastTwo(points);
  const slope = (y2 - y1) / (x2 - x1);
  return (books) => y2 + slope * (books - x2);
};

/** Through the last two points, as a power of the books: what depends on the words that they have in common. */
export const power: Law = (points) => {
  const [[x1, y1], [x2, y2]] = lastTwo(points);
  const exponent = Math.log(y2 / y1) / Math.log(x2 / x1);
  return (books) => y2 * (books / x2) ** exponent;
};

/** Through the last two points, as so much more for each tenfold: what finds its way down a btree. Never falls. */
export const logarithmic: Law = (points) => {
  const [[x1, y1], [x2, y2]] = lastTwo(points);
  const slope = Math.max(0, (y2 - y1) / Math.log10(x2 / x1));
  return (books) => y2 + slope * Math.log10(books / x2);
};

/**
 * Through the last three points, as a constant and a power of the books: what has a fixed part that hides how fast the
 * rest grows. Where the rest does not grow faster and faster, it is {@link power}.
 */
export const bent: Law = (points) => {
  const [[x1, y1], [x2, y2], [x3, y3]] = last(3, points) as [Point, Point, Point];
  const exponent = Math.log((y3 - y2) / (y2 - y1)) / Math.log(x3 / x2);
  const isEven = Math.abs(Math.log(x3 / x2) - Math.log(x2 / x1)) < 1e-9;
  if (!(isEven && exponent > 0)) return power(points);
  const step = (x3 / x2) ** exponent;
  const scale = (y3 - y2) / (1 - 1 / step);
  return (books) => y3 + scale * ((books / x3) ** exponent - 1);
};

/** What was measured; between two sizes, a power through both; beyond them, the law. */
export function along(law: Law, points: Point[]): (books: number) => number {
  return (books) => {
    const at = points.findIndex(([size]) => size >= books);
    if (points[at]?.[0] === books) return points[at][1];
    return at > 0 ? power(points.slice(at - 1, at + 1))(books) : law(points)(books);
  };
}

/** How far the law misses the last point if it knows only those before it, as a share of what was measured. */
export function missOf(law: Law, points: Point[]): number {
  const [books, measured] = points.at(-1) as Point;
  return law(points.slice(0, -1))(books) / measured - 1;
}

const lastTwo = (points: Point[]) => last(2, points) as [Point, Point];

function last(count: number, points: Point[]): Point[] {
  if (points.length < count) throw new Error(`This law needs ${count} points.`);
  return points.slice(-count);
}
