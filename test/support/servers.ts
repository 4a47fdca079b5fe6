import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { inject } from "vitest";
import type { TestDatabase } from "./database.ts";
import { atEnd } from "./end.ts";
import { startWorker } from "./worker.ts";

export const RUNTIMES = ["workerd", "node", "bun"] as const;
export type Runtime = (typeof RUNTIMES)[number];

/** Environment variables, or a Worker's bindings; those that are undefined are left out. */
export type Variables = Record<string, string | undefined>;

/** The app on a database, as one of its runtimes runs it. */
export interface TestServer {
  url: string;
  /** Everything logged so far, a text per line. */
  logs(): string[];
}

/**
 * Starts the app, and stops it when the test file is done.
 *
 * @param bundles the folder of other bundles than the product's, `dist/` for the servers and `worker/`
 */
export async function startServer(
  runtime: Runtime,
  database: TestDatabase,
  variables: Variables = {},
  bundles?: string,
): Promise<TestServer> {
  if (runtime === "workerd") {
    return startWorker(database, variables, bundles ? { directory: join(bundles, "worker") } : {});
  }
  const server = launchServer(runtime, { DATABASE_URL: database.url, ...variables }, bundles);
  return { url: await server.url, logs: server.logs };
}

/** Starts a server process, and stops it when the test file is done. */
export function launchServer(
  runtime: Exclude<Runtime, "workerd">,
  variables: Variables,
  checkout?: string,
): ServerProcess {
  const server = launch(runtime, variables, checkout);
  atEnd(() => server.end("SIGTERM"));
  return server;
}

/** How a runtime gets to its database: where, by which protocol, and which variable tells it. */
export function databaseOf(runtime: Runtime, { url }: TestDatabase) {
  return runtime === "workerd"
    ? ({ variable: "NEON_FETCH_ENDPOINT", url: inject("neon"), protocol: "http" } as const)
    : ({ variable: "DATABASE_URL", url, protocol: "postgres" } as const);
}

/** A server process, from its start to its end. */
export interface ServerProcess {
  child: ChildProcess;
  /** Where it listens; rejects with what it said if it ends instead. */
  url: Promise<string>;
  logs(): string[];
  /** What it told whoever started it. */
  told(): string;
  /** Sends a signal unless it has ended, and resolves to the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/**
 * Starts the bundle of a server in a process of its own, on a port that is free.
 *
 * @param checkout the folder that the bundle lies in, in dist/
 * @param redirections of its output, as Bash writes them
 */
export function launch(
  runtime: Exclude<Runtime, "workerd">,
  variables: Variables,
  checkout = process.cwd(),
  redirections?: string,
): ServerProcess {
  const command = runtime === "node" ? [process.execPath] : ["bun", "--no-install"];
  const shell = redirections === undefined ? [] : ["bash", "-c", `exec "$0" "$@" ${redirections}`];
  const [file = "", ...args] = [...shell, ...command, `dist/${runtime}.js`];
  const child = spawn(file, args, {
    cwd: checkout,
    env: {
      PATH: process.env.PATH,
      PORT: "0",
      NEON_FETCH_ENDPOINT: inject("neon"),
      RATE_LIMIT: "off",
      ...variables,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let logged = "";
  let told = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    logged += text;
  });
  const exit = once(child, "close").then(([code]) => code as number | null);
  const url = new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text) => {
      told += text;
      const [, found] = told.match(/ at (http:[^\s,]+)[,\n]/) ?? [];
      if (found) resolve(found);
    });
    exit.then(() => reject(new Error(`it ended: ${told}`)));
  });
  url.catch(() => {});
  return {
    child,
    url,
    logs: () => logged.split("\n").filter((line) => line !== ""),
    told: () => told,
    end(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return exit;
    },
  };
}
