import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { inject } from "vitest";
import { environmentOf } from "./command.ts";
import type { TestDatabase } from "./database.ts";
import { atEnd } from "./end.ts";
import { startWorker } from "./worker.ts";

export const RUNTIMES = ["workerd", "node", "bun"] as const;
/** Those and a fourth one, for what all of them have to agree on. */
export const ALL_RUNTIMES = [...RUNTIMES, "deno"] as const;
export type Runtime = (typeof ALL_RUNTIMES)[number];

/** Environment variables, or a Worker's variables; undefined values are left out. */
export type Variables = Record<string, string | undefined>;

/** The app on one runtime and one database. */
export interface TestServer {
  url: string;
  /** The events of requests logged so far, each a line. */
  logs(): string[];
}

/**
 * Starts the app, and stops it when the test file ends.
 *
 * @param bundles a directory with other bundles than the product's: `dist/` for the servers and `worker/`
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

/** Starts a server process, and stops it when the test file ends. */
export function launchServer(
  runtime: Exclude<Runtime, "workerd">,
  variables: Variables,
  checkout?: string,
): ServerProcess {
  const server = launch(runtime, variables, checkout);
  atEnd(() => server.end("SIGTERM"));
  return server;
}

/** How a runtime reaches its database: the URL, the protocol, and the variable that configures it. */
export function databaseOf(runtime: Runtime, { url }: TestDatabase) {
  return runtime === "workerd"
    ? ({ variable: "NEON_FETCH_ENDPOINT", url: inject("neon"), protocol: "http" } as const)
    : ({ variable: "DATABASE_URL", url, protocol: "postgres" } as const);
}

/** A server process. */
export interface ServerProcess {
  child: ChildProcess;
  /** Its URL; rejects with its standard error if it exits instead. */
  url: Promise<string>;
  /** The events of requests logged so far, each a line. */
  logs(): string[];
  /** Its standard output so far: the events of requests, of its start and of its stop. */
  output(): string;
  /** Its standard error so far: what it says to the person who starts it. */
  notices(): string;
  /** Sends a signal unless the process has exited, and resolves to the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const COMMANDS = {
  node: [process.execPath],
  bun: ["bun", "--no-install"],
  // The command of the package starts another process, and passes no signals on.
  get deno() {
    const binary = execFileSync("deno", ["eval", "console.log(Deno.execPath())"], { encoding: "utf8" });
    return [binary.trim(), "run", "--allow-all", "--no-config", "--no-lock", "--node-modules-dir=none"];
  },
};

/**
 * Starts a server's bundle in a new process, on a free port.
 *
 * @param checkout the directory that contains the bundle, in `dist/`
 * @param redirections redirections of its output, in Bash syntax
 */
export function launch(
  runtime: Exclude<Runtime, "workerd">,
  variables: Variables,
  checkout = process.cwd(),
  redirections?: string,
): ServerProcess {
  const command = COMMANDS[runtime];
  const shell = redirections === undefined ? [] : ["bash", "-c", `exec "$0" "$@" ${redirections}`];
  // Deno runs the bundle for Node.
  const bundle = runtime === "bun" ? "bun" : "node";
  const [file = "", ...args] = [...shell, ...command, `dist/${bundle}.js`];
  const child = spawn(file, args, {
    cwd: checkout,
    env: environmentOf({
      PORT: "0",
      NEON_FETCH_ENDPOINT: variables.NEON_FETCH_ENDPOINT ?? inject("neon"),
      RATE_LIMIT: "off",
      ...variables,
    }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let logged = "";
  let notices = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    logged += text;
  });
  const exit = once(child, "close").then(([code]) => code as number | null);
  const url = new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text) => {
      notices += text;
      const [, found] = notices.match(/ at (http:[^\s,]+)[,\n]/) ?? [];
      if (found) resolve(found);
    });
    exit.then(() => reject(new Error(`the server exited: ${notices}`)));
  });
  url.catch(() => {});
  return {
    child,
    url,
    logs: () => logged.split("\n").filter((line) => line !== "" && !/^\{"event":"(start|stop)"/.test(line)),
    output: () => logged,
    notices: () => notices,
    end(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return exit;
    },
  };
}
