/** The load: wrk in a closed loop, where each connection sends when it has its answer; oha in an open one. */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { DATA } from "../ops/data.ts";
import { StartupError } from "../src/startup-error.ts";
import type { HttpRequest } from "./requests.ts";

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL("./wrk.lua", import.meta.url));

export interface Load {
  /** Answered requests a second. */
  rate: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  requests: number;
}

/** How to get the programs that the benchmark cannot do without, or can. */
export const INSTALL = {
  wrk: "apt install wrk, or brew install wrk",
  oha: "cargo install oha --locked, or brew install oha",
  pgbench: "apt install postgresql-contrib, or brew install postgresql",
};

export async function isInstalled(program: string): Promise<boolean> {
  try {
    await run(program, ["--version"]);
    return true;
  } catch (error) {
    // wrk tells its version with exit code 1; a number is an exit code, a text is why it did not run.
    return typeof (error as { code: unknown }).code === "number";
  }
}

/**
 * Closed loop.
 *
 * @param isbns where the ISBNs of the books to create begin: no two loads may take the same
 * @throws StartupError where any answer was no 2xx or did not come
 */
export async function closedLoop(
  origin: string,
  requests: HttpRequest[],
  { connections, seconds, isbns }: { connections: number; seconds: number; isbns: number },
): Promise<Load> {
  const file = join(DATA, "bench", "requests");
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, requests.map((request) => raw(origin, request)).join("\0"));
  const { stdout } = await run("wrk", [
    "--threads=1",
    `--connections=${connections}`,
    `--duration=${seconds}s`,
    "--timeout=10s",
    `--script=${SCRIPT}`,
    origin,
    "--",
    file,
    `${isbns}`,
  ]);
  const told = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  if (Object.values<number>(told.errors).some((count) => count > 0) || told.requests === 0)
    throw new StartupError(`Requests failed: ${JSON.stringify(told)}`);
  return { rate: told.requests / told.seconds, p50: told.p50, p99: told.p99, requests: told.requests };
}

function raw(origin: string, { method, path, headers = {}, body = "" }: HttpRequest): string {
  const lines = Object.entries({
    Host: new URL(origin).host,
    ...headers,
    ...(body && { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) }),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

/**
 * Open loop: requests leave at a rate, whether or not those before are answered, and latency counts from when each was
 * due. GET alone.
 *
 * @throws StartupError where any answer was no 2xx or did not come
 */
export async function openLoop(
  origin: string,
  requests: HttpRequest[],
  { connections, seconds, rate }: { connections: number; seconds: number; rate: number },
): Promise<Load> {
  const file = join(DATA, "bench", "urls");
  await writeFile(file, requests.map(({ path }) => `${origin}${path}\n`).join(""));
  const { stdout } = await run("oha", [
    "--no-tui",
    "--output-format=json",
    "--urls-from-file",
    "--latency-correction",
    `-c${connections}`,
    `-q${Math.round(rate)}`,
    `-z${seconds}s`,
    file,
  ]);
  const { summary, latencyPercentiles, statusCodeDistribution, errorDistribution } = JSON.parse(stdout);
  // The requests under way at the end are cut off by oha itself.
  const { "aborted due to deadline": _, ...errors } = errorDistribution;
  const bad = Object.keys(statusCodeDistribution).filter((status) => !status.startsWith("2"));
  if (bad.length > 0 || Object.keys(errors).length > 0)
    throw new StartupError(`Requests failed: ${JSON.stringify({ statusCodeDistribution, errors })}`);
  return {
    rate: summary.requestsPerSec,
    p50: latencyPercentiles.p50 * 1000,
    p99: latencyPercentiles.p99 * 1000,
    requests: statusCodeDistribution["200"],
  };
}
