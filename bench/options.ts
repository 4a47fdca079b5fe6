/** The command line of `npm run bench`. */
import { parseArgs } from "node:util";
import { StartupError } from "../src/startup-error.ts";
import { PGBENCH, RUNTIMES, TARGETS } from "./targets.ts";
import { WORKLOADS } from "./workloads.ts";

const PARTS = [...Object.keys(WORKLOADS), "depth", "open-loop"];
const ALL_TARGETS = [...Object.keys(TARGETS), PGBENCH];
const QUICK_TARGETS = ["octavo-node", "octavo-bun", "octavo-workerd", "actix", "fastify", PGBENCH];

export interface Options {
  books: number;
  rounds: number;
  /** Connections of the closed loop. */
  connections: number;
  /** The duration of each measurement, and of the load before it, in seconds. */
  seconds: number;
  warmUp: number;
  targets: string[];
  /** Workloads, `depth` and `open-loop`. */
  parts: string[];
  /** The commit to compare this tree with, as the user wrote it. */
  against: string | undefined;
  /** The name of the result files. */
  name: string;
}

/** @throws StartupError with the usage */
export function parseOptions(args: string[]): Options {
  const values = parse(args);
  const number = (name: "books" | "rounds" | "connections" | "seconds", otherwise: number) => {
    const value = Number(values[name] ?? otherwise);
    if (!Number.isInteger(value) || value < 1) throw usage(`--${name} must be an integer above 0.`);
    return value;
  };
  const names = (name: "targets" | "workloads", known: string[]) => {
    const given = values[name]?.split(",");
    const unknown = given?.find((value) => !known.includes(value));
    if (unknown !== undefined)
      throw usage(`--${name} does not take ${unknown || "an empty name"}${context}.`);
    return given && known.filter((value) => given.includes(value));
  };
  const { quick, against } = values;
  const context = against === undefined ? "" : " with --against";
  if (against === "") throw usage("--against needs a commit.");
  const allTargets: string[] = against === undefined ? ALL_TARGETS : [...RUNTIMES];
  const allParts = against === undefined ? PARTS : Object.keys(WORKLOADS);
  const [targets, parts] = [names("targets", allTargets), names("workloads", allParts)];
  return {
    books: number("books", 1_000_000),
    rounds: number("rounds", quick ? 1 : 3),
    connections: number("connections", 64),
    seconds: number("seconds", quick ? 1 : 5),
    warmUp: quick ? 1 : 5,
    targets: targets ?? (quick ? QUICK_TARGETS.filter((name) => allTargets.includes(name)) : allTargets),
    parts:
      parts ?? (quick ? allParts.filter((name) => WORKLOADS[name] && !WORKLOADS[name].isExtra) : allParts),
    against,
    // Only a full run is worth keeping.
    name: quick ? "quick" : targets || parts || values.connections ? "part" : against ? "against" : "bench",
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        quick: { type: "boolean", default: false },
        against: { type: "string" },
        books: { type: "string" },
        rounds: { type: "string" },
        connections: { type: "string" },
        seconds: { type: "string" },
        targets: { type: "string" },
        workloads: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw usage((error as Error).message);
  }
}

function usage(complaint: string): StartupError {
  return new StartupError(`${complaint}
Usage: npm run bench -- [--quick] [--against COMMIT] [--books N] [--rounds N] [--seconds N] [--connections N] [--targets A,B] [--workloads A,B]
--targets takes ${ALL_TARGETS.join(", ")}; with --against ${RUNTIMES.join(", ")}
--workloads takes ${PARTS.join(", ")}; depth and open-loop not with --against`);
}
