import { describe, expect, test } from "vitest";
import { EDGE, MIX } from "../../bench/scale/assumptions.ts";
import { along, bent, linear, logarithmic, missOf, type Point, power } from "../../bench/scale/laws.ts";
import { edgeHits } from "../../bench/scale/model.ts";
import { bytes, count, percent } from "../../bench/scale/numbers.ts";
import { parseSizes } from "../../bench/scale/options.ts";

const points = (of: (books: number) => number): Point[] => [1e4, 1e5, 1e6].map((books) => [books, of(books)]);

describe("laws", () => {
  test.each([
    ["a straight line", linear, (books: number) => 8192 + 500 * books],
    ["a power", power, (books: number) => 3 * books ** 0.6],
    ["a logarithm", logarithmic, (books: number) => 7 + 2 * Math.log10(books)],
  ])("%s goes on as it was measured", (_, law, of) => {
    expect(law(points(of))(1e8)).toBeCloseTo(of(1e8), 3);
    expect(missOf(law, points(of))).toBeCloseTo(0, 9);
  });

  test("the error of a law is how far it misses what it was not given", () => {
    const steeper: Point[] = [...points((books) => books).slice(0, 2), [1e6, 2e6]];
    expect(missOf(linear, steeper)).toBeCloseTo(-0.5, 9);
  });

  test("what was measured is what is said, and between two sizes it is a power", () => {
    const uneven: Point[] = [
      [1e4, 5],
      [1e5, 4],
      [1e6, 16],
    ];
    const value = along(linear, uneven);
    expect(uneven.map(([books]) => value(books))).toEqual([5, 4, 16]);
    expect(value(10 ** 5.5)).toBeCloseTo(8, 9);
    expect(value(2e6)).toBe(linear(uneven)(2e6));
  });

  test("noise does not make requests cheaper with more books", () => {
    expect(logarithmic(points((books) => 100 - Math.log10(books)))(1e8)).toBe(94);
  });

  test("a constant and a power go on as they were measured", () => {
    const of = (books: number) => 2000 + 0.5 * books ** 0.7;
    expect(bent(points(of))(1e8) / of(1e8)).toBeCloseTo(1, 6);
  });

  test("what grows ever more slowly is a power at most", () => {
    const slowing: Point[] = [
      [1e4, 10],
      [1e5, 30],
      [1e6, 40],
    ];
    expect(bent(slowing)(1e8)).toBe(power(slowing)(1e8));
  });

  test.each([
    ["a straight line", linear, 1],
    ["a power", power, 1],
    ["a logarithm", logarithmic, 1],
    ["a constant and a power", bent, 2],
  ])("%s cannot go through %3$d points", (_, law, given) => {
    expect(() => law(points((books) => books).slice(0, given))).toThrow(
      `This law needs ${given + 1} points.`,
    );
  });
});

test.each([
  [1, 1e4],
  [1000, 1e5],
  [40_000, 1e5],
])("of %d reads a second of %d books, the edge answers the sum over all ranks", (perSecond, books) => {
  const ranks = Array.from({ length: books }, (_, at) => 1 / (at + 1));
  const all = ranks.reduce((sum, share) => sum + share, 0);
  const kept = (perSecond / EDGE.locations) * EDGE.seconds;
  const hits = ranks.reduce(
    (sum, rank) => sum + ((rank / all) * ((rank / all) * kept)) / (1 + (rank / all) * kept),
    0,
  );
  expect(edgeHits(perSecond, books)).toBeCloseTo(hits, 2);
});

test("the shares of the mix are all requests", () => {
  expect(Object.values(MIX).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
});

test.each([
  [count(0), "0"],
  [count(0.1234), "0.12"],
  [count(7.89), "7.9"],
  [count(56.4), "56"],
  [count(7891), "7,890"],
  [count(1_250_000), "1.3 million"],
  [count(1e9), "1 billion"],
  [bytes(0), "0 B"],
  [bytes(999), "999 B"],
  [bytes(1_234_567), "1.2 MB"],
  [bytes(3e15), "3000 TB"],
  [percent(-0.042), "−4 %"],
  [percent(0.3), "+30 %"],
  [percent(-0.004), "0 %"],
])("a number is written as %s", (written, expected) => {
  expect(written).toBe(expected);
});

test("the sizes of catalogues are given with commas between", () => {
  expect(parseSizes([])).toEqual([1e4, 1e5, 1e6]);
  expect(parseSizes(["--books", "200000,10000"])).toEqual([200_000, 10_000]);
});

test.each([
  ["--books"],
  ["--books", ""],
  ["--books", "many"],
  ["--books", "9999"],
  ["--books", "10000.5"],
  ["--books", "10000,,100000"],
  ["--books", "10000,10000"],
  ["--books", "-10000"],
  ["--books", "Infinity"],
  ["--sizes", "10000"],
  ["10000"],
])("the command line %s %s is answered with the usage", (...args) => {
  expect(() => parseSizes(args)).toThrow("Usage: npm run bench:scale");
});
