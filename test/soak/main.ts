/**
 * `npm run test:soak [-- --minutes 2] [--report FILE] [--runtimes node,bun] [--pause 400]`: serves the same mix
 * of requests for a long time. Memory, descriptors and connections must not grow, and answers must not become slower.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { audit } from "../chaos/audit.ts";
import { ROLE } from "../chaos/cluster.ts";
import { type ChaosOptions, chaosOptions } from "../chaos/options.ts";
import { tabular } from "../chaos/report.ts";
import { percentile, until } from "../chaos/run.ts";
import { close, openShop, type Shop } from "../chaos/shop.ts";
import type { Tally } from "../chaos/watch.ts";
import { runProgram } from "../support/main.ts";

const QUARTERS = 4;
/** So many that those which clients add do not make answers slower. */
const BOOKS = 50_000;
/** Slow enough for two cores to have time left: at their limit, times would say nothing. */
const PAUSE_MS = 400;
const READY_PAUSE_MS = 1000;
const SAMPLE_MS = 2000;
/** What a runtime may hold more at the end than in the second quarter: collectors run when they like. */
const SLACK_MIB = 96;
const SLACK_DESCRIPTORS = 40;

interface Sample {
  minute: number;
  mebibytes: number;
  descriptors: number;
}

/** What the system knows of a process. */
async function sampleOf(pid: number, minute: number): Promise<Sample> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const [, kibibytes] = status.match(/^VmRSS:\s+(\d+)/m) ?? [];
  return {
    minute,
    mebibytes: Number(kibibytes) / 1024,
    descriptors: (await readdir(`/proc/${pid}/fd`)).length,
  };
}

/** The slope of the line through points with the least squares. */
function slope(points: [x: number, y: number][]): number {
  const mean = (at: 0 | 1) => points.reduce((sum, point) => sum + point[at], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const [over, under] = points.reduce(
    ([over, under], [x, y]) => [over + (x - meanX) * (y - meanY), under + (x - meanX) ** 2],
    [0, 0],
  );
  return under === 0 ? 0 : over / under;
}

interface Course {
  runtime: string;
  samples: Sample[];
  /** Of each quarter, in milliseconds. */
  p99: number[];
  answered: number;
  unavailable: number;
}

/** The p99 of each quarter by kind of route, of all runtimes, in milliseconds. */
type Routes = Map<string, number[]>;

/** Samples the processes, and the times of answers by quarter. */
async function follow(
  { world, watched }: Shop,
  minutes: number,
): Promise<{ courses: Course[]; routes: Routes }> {
  const routes: Routes = new Map();
  const courses = watched.map(
    ({ watch }): Course => ({
      runtime: watch.server.runtime,
      samples: [],
      p99: [],
      answered: 0,
      unavailable: 0,
    }),
  );
  const started = performance.now();
  for (let quarter = 1; quarter <= QUARTERS; quarter++) {
    for (const { watch } of watched) watch.restart();
    while (performance.now() - started < (quarter / QUARTERS) * minutes * 60_000) {
      const minute = (performance.now() - started) / 60_000;
      for (const [at, { pid }] of world.servers.entries())
        if (pid !== undefined) courses[at]?.samples.push(await sampleOf(pid, minute));
      await sleep(SAMPLE_MS);
    }
    const ended = watched.map(({ watch }) => watch.restart());
    for (const route of ended[0]?.keys() ?? []) {
      const tallies = ended.flatMap((server) => server.get(route) ?? []);
      routes.set(route, [...(routes.get(route) ?? []), p99Of(tallies)]);
    }
    for (const [at, server] of ended.entries()) {
      const tallies = [...server.values()];
      const course = courses[at] as Course;
      course.p99.push(p99Of(tallies));
      course.answered += tallies.reduce((sum, { right }) => sum + right, 0);
      course.unavailable += tallies.reduce((sum, { unavailable }) => sum + unavailable, 0);
    }
    const sizes = courses.map(
      ({ runtime, samples }) => `${runtime} ${samples.at(-1)?.mebibytes.toFixed(0) ?? "–"} MiB`,
    );
    console.log(`[${quarter}/${QUARTERS}] ${sizes.join(", ")}`);
  }
  return { courses, routes };
}

const p99Of = (tallies: Tally[]): number =>
  percentile(
    tallies.flatMap(({ times }) => times),
    0.99,
  );

/** Sentences about what grew. */
function growthOf({ runtime, samples }: Course): string[] {
  const at = (from: number, to: number, name: "mebibytes" | "descriptors") => {
    const part = samples.slice(Math.floor(samples.length * from), Math.ceil(samples.length * to));
    return percentile(
      part.map((sample) => sample[name]),
      0.5,
    );
  };
  const grown = (name: "mebibytes" | "descriptors", slack: number) => {
    const [before, after] = [at(0.25, 0.5, name), at(0.75, 1, name)];
    return after > before * 1.25 + slack ? [`${runtime}: ${name} grew from ${before} to ${after}.`] : [];
  };
  return [...grown("mebibytes", SLACK_MIB), ...grown("descriptors", SLACK_DESCRIPTORS)];
}

/** The times of quarters, and the last as a multiple of the first. */
const quarters = (p99: number[]) => [
  p99.map((time) => time.toFixed(0)).join(", "),
  `${((p99.at(-1) ?? 0) / (p99[0] ?? 1)).toFixed(2)} ×`,
];

interface Report {
  courses: Course[];
  routes: Routes;
  minutes: number;
  /** To the database, at the end. */
  connections: number;
  faults: string[];
}

function reportOf({ courses, routes, minutes, connections, faults }: Report): string {
  const headers = [
    "runtime",
    "answers",
    "503",
    "MiB",
    "MiB a minute",
    "descriptors",
    "p99 of quarters, ms",
    "last to first",
  ];
  const rows = courses.map(({ runtime, samples, p99, answered, unavailable }) => {
    const half = samples.slice(samples.length / 2);
    const memory = half.map(({ minute, mebibytes }): [number, number] => [minute, mebibytes]);
    return [
      runtime,
      `${answered}`,
      `${unavailable}`,
      samples.at(-1)?.mebibytes.toFixed(0) ?? "–",
      samples.length > 0 ? slope(memory).toFixed(2) : "–",
      samples.length > 0 ? `${samples[0]?.descriptors} to ${samples.at(-1)?.descriptors}` : "–",
      ...quarters(p99),
    ];
  });
  const told =
    faults.length === 0
      ? "Nothing was wrong."
      : faults
          .slice(0, 30)
          .map((fault) => `- ${fault.slice(0, 400)}`)
          .join("\n");
  return [
    "# Soak",
    `${minutes} minutes. The slope of the memory is that of the second half.`,
    tabular(headers, rows),
    tabular(
      ["route", ...headers.slice(-2)],
      [...routes].map(([route, p99]) => [route, ...quarters(p99)]),
    ),
    `At the end there were ${connections} connections to the database.`,
    told,
    "",
  ].join("\n\n");
}

async function main({ minutes, runtimes, report, pause = PAUSE_MS }: ChaosOptions): Promise<void> {
  const shop = await openShop(runtimes, { books: BOOKS, pause, readyPause: READY_PAUSE_MS });
  const { world, watched, followers, journal } = shop;
  const { courses, routes } = await follow(shop, minutes);
  const [row] = await world.cluster.sql<{ count: number }>(
    "select count(*)::int from pg_stat_activity where usename = $1",
    [ROLE],
  );
  await close(watched);
  for (const follower of followers) await until(() => follower.reachesEnd(), "the feed ends");

  const wrong = watched.flatMap(({ watch }) => watch.faults);
  const faults = [
    ...wrong,
    ...courses.flatMap(growthOf),
    ...(await audit(world.cluster, journal, followers)),
  ];
  const text = reportOf({ courses, routes, minutes, connections: row?.count ?? 0, faults });
  console.log(`\n${text}`);
  if (report) await writeFile(report, text);
  if (faults.length > 0) process.exitCode = 1;
}

await runProgram(() => main(chaosOptions(process.argv.slice(2), 20)));
