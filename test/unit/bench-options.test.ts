import { expect, test } from "vitest";
import { parseOptions } from "../../bench/options.ts";

test("a run without options measures every target and every part on a million books", () => {
  const { targets, parts, ...rest } = parseOptions([]);
  expect(rest).toEqual({
    books: 1_000_000,
    rounds: 3,
    connections: 64,
    seconds: 5,
    warmUp: 5,
    against: undefined,
    name: "bench",
  });
  expect(targets).toEqual(expect.arrayContaining(["octavo-workerd", "actix", "pgbench"]));
  expect(parts).toEqual(expect.arrayContaining(["point", "mix", "depth", "open-loop"]));
});

test("--against measures both runtimes that serve from a pool, under the workloads alone", () => {
  const { targets, parts, against, name } = parseOptions(["--against", "HEAD~2"]);
  expect({ targets, against, name }).toEqual({
    targets: ["octavo-node", "octavo-bun"],
    against: "HEAD~2",
    name: "against",
  });
  expect(parts).toContain("mix");
  expect(parts).not.toContain("depth");
});

test("--quick shortens the run, and options given beside it still count", () => {
  const { rounds, seconds, warmUp, parts } = parseOptions(["--quick", "--against", "main", "--rounds", "2"]);
  expect({ rounds, seconds, warmUp }).toEqual({ rounds: 2, seconds: 1, warmUp: 1 });
  expect(parts).not.toContain("mix");
});

test("--targets and --workloads select by name, in the order of the tables", () => {
  const { targets, parts, name } = parseOptions([
    "--targets",
    "actix,octavo-bun",
    "--workloads",
    "search,point",
  ]);
  expect({ targets, parts, name }).toEqual({
    targets: ["octavo-bun", "actix"],
    parts: ["point", "search"],
    name: "part",
  });
});

test.each([
  [["--books", "many"], "--books must be an integer above 0."],
  [["--rounds", "0"], "--rounds must be an integer above 0."],
  [["--seconds", "1.5"], "--seconds must be an integer above 0."],
  [["--targets", "rails"], "--targets does not take rails."],
  [["--workloads", "point,"], "--workloads does not take an empty name."],
  [["--against", ""], "--against needs a commit."],
  [["--against", "HEAD", "--targets", "actix"], "--targets does not take actix with --against."],
  [["--against", "HEAD", "--workloads", "depth"], "--workloads does not take depth with --against."],
  [["--against"], "Option '--against <value>' argument missing"],
  [["--frobnicate"], "Unknown option '--frobnicate'"],
])("%j is refused with a sentence and the usage", (args, sentence) => {
  const usage = expect.stringContaining("\nUsage: npm run bench");
  expect(() => parseOptions(args)).toThrow(
    expect.objectContaining({ name: "StartupError", message: expect.stringContaining(sentence) }),
  );
  expect(() => parseOptions(args)).toThrow(expect.objectContaining({ message: usage }));
});
