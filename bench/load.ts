/**
 * The load generators: wrk for a closed loop, where a connection waits for its response before it sends the next request,
 * and oha for an open loop.
 */
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
  /** Responses per second. */
  rate: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  requests: number;
}

/** How to install the programs that the benchmark uses. */
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
    // wrk prints its version with exit code 1. A number is an exit code; a string says why the program did not run.
    return typeof (error as { code: unknown }).code === "number";
  }
}

/** @throws StartupError without wrk, which {@link closedLoop} runs */
export async function requireWrk(): Promise<void> {
  if (!(await isInstalled("wrk"))) throw new StartupError(`The benchmark needs wrk: ${INSTALL.wrk}.`);
}

/**
 * Runs a closed loop.
 *
 * @param isbns the number of the first ISBN for books to create; no two loads may share ISBNs
 * @throws StartupError if a response was missing or not 2xx
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
  const result = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  if (Object.values<number>(result.errors).some((count) => count > 0) || result.requests === 0)
    throw new StartupError(`Requests failed: ${JSON.stringify(result)}`);
  return {
    rate: result.requests / result.seconds,
    p50: result.p50,
    p99: result.p99,
    requests: result.requests,
  };
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
 * Runs an open loop: requests leave at a fixed rate, whether or not earlier ones have responses, and latency counts from
 * the scheduled time. Only for GET.
 *
 * @throws StartupError if a response was missing or not 2xx
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
  // oha aborts the requests that are running at the end.
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
