import { expect, test } from "vitest";
import { judgeComparison, reportComparison, spreadOf } from "../../bench/comparison.ts";
import { median } from "../../bench/median.ts";
import { type Measurement, ratios } from "../../bench/results.ts";

/** Rounds of one target under the workload `point`: requests per second and p99. */
const rounds = (target: string, ...figures: [rate: number, p99: number][]): Measurement[] =>
  figures.map(([rate, p99], round) => ({ workload: "point", target, round, rate, p99, postgresCpu: 10 }));

test("a median is the middle value, or the mean of the two in the middle", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([9, 1, 5, 7])).toBe(6);
});

test("a spread is the median with the lowest and the highest value", () => {
  expect(spreadOf([1.2, 0.9, 1])).toEqual({ median: 1, lowest: 0.9, highest: 1.2 });
  expect(spreadOf([])).toBeUndefined();
});

test("a ratio compares measurements of the same round, and skips a round that lacks one of them", () => {
  const measurements = [
    ...rounds("octavo-node", [100, 4], [60, 6], [10, 1]),
    ...rounds("octavo-node-other", [50, 2], [30, 2]),
  ];
  expect(ratios(measurements, "point", "octavo-node", "octavo-node-other", "rate")).toEqual([2, 2]);
  expect(ratios(measurements, "point", "octavo-node", "octavo-node-other", "p99")).toEqual([2, 3]);
  expect(ratios(measurements, "point", "octavo-node", "octavo-node-other", "serverCpu")).toEqual([]);
});

test("fewer requests per second than 0.97 times the other commit's miss the limit", () => {
  const judged = (rate: number) =>
    judgeComparison([
      ...rounds("octavo-bun", [rate, 5]),
      ...rounds("octavo-bun-other", [100, 5]),
      ...rounds("octavo-bun-again", [100, 5]),
    ])[0];
  expect(judged(97)).toMatchObject({ what: "Point read, uniform: Octavo on Bun, req/s", reached: true });
  expect(judged(96)).toMatchObject({ found: "0.96 ×", reached: false });
});

test("p99 may be 1.1 times the other commit's, times the noise between two servers of this tree in either direction", () => {
  const judged = (p99: number, again: number) =>
    judgeComparison([
      ...rounds("octavo-node", [100, p99]),
      ...rounds("octavo-node-other", [100, 10]),
      ...rounds("octavo-node-again", [100, again]),
    ])[1];
  expect(judged(11, 11)).toMatchObject({ reached: true });
  expect(judged(12, 12)).toMatchObject({ wanted: expect.stringContaining("≤ 1.10 ×"), reached: false });
  expect(judged(12, 10)).toMatchObject({ wanted: expect.stringContaining("≤ 1.32 ×"), reached: true });
  expect(judged(12, 15)).toMatchObject({ wanted: expect.stringContaining("≤ 1.38 ×"), reached: true });
});

test("the report has a row for the other commit and a row for the noise, with a dash for what was not measured", () => {
  const report = reportComparison("abc1234", [
    ...rounds("octavo-node", [90, 5], [110, 5]),
    ...rounds("octavo-node-other", [100, 5], [100, 5]),
    ...rounds("octavo-node-again", [90, 5], [100, 5]),
  ]);
  expect(report).toMatch(/Octavo on Node: this tree to abc1234 +1\.00 × \(0\.90–1\.10\) +– +1\.00/);
  expect(report).toMatch(/Octavo on Node: this tree to itself +1\.05 × \(1\.00–1\.10\) +– +1\.00/);
});

test("a run that ended before the other commit was measured has nothing to judge", () => {
  expect(judgeComparison(rounds("octavo-node", [100, 5]))).toEqual([]);
});
