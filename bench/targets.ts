/** Who takes part: Octavo on its three runtimes, the peers, and what each runtime can do at most. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { StartupError } from "../src/startup-error.ts";
import { AUTH_SECRET, CURSOR_KEY, type Dialect, octavo, peers } from "./requests.ts";
import { type Server, startServer } from "./servers.ts";
import { startWorkerd, WORKER } from "./workerd.ts";

/** Connections to Postgres, for everybody alike. */
export const POOL_SIZE = 8;

/** Those of `npm start`. */
export const NODE_FLAGS = ["--max-semi-space-size=8", "--heap-growing-percent=200"];

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PEERS = fileURLToPath(new URL("./peers", import.meta.url));

/** What servers are started with. */
export interface Surroundings {
  databaseUrl: string;
  /** The Neon endpoint that is for workerd what the pool is for the others. */
  neonUrl: string;
  /** What the bare servers answer: a book. */
  body: string;
}

export interface Target {
  label: string;
  dialect: Dialect;
  /** Answers one thing, whatever it is asked: a limit, and no API. */
  isBare?: true;
  /** Makes what is started. @returns the program that is missing for it, if one is */
  build(): Promise<string | undefined>;
  start(name: string, surroundings: Surroundings): Promise<Server>;
}

/** A command whose program may not be there; run once for all that need it. */
function building(file: string, args: string[], cwd: string, isDone = () => false): Target["build"] {
  let result: Promise<string | undefined> | undefined;
  const build = async () => {
    if (isDone()) return undefined;
    console.log(`Building: ${basename(file)} ${args.join(" ")}`);
    const child = spawn(file, args, { cwd, stdio: ["ignore", "ignore", "inherit"] });
    const [code] = await once(child, "close").catch((error: NodeJS.ErrnoException) => [error.code]);
    if (code === "ENOENT") return file;
    if (code !== 0) throw new StartupError(`${file} failed in ${cwd}.`);
    return undefined;
  };
  return () => {
    result ??= build();
    return result;
  };
}

const nothing = async () => undefined;
const servers = building(process.execPath, ["dev/build.js"], ROOT);
const worker = building(process.execPath, ["dev/bundle.ts"], ROOT);
const cargo = building("cargo", ["build", "--release", "--locked"], PEERS);
const go = building("go", ["build", "-o", "../target/gin-bookstore", "."], `${PEERS}/gin`);
const npm = building("npm", ["ci"], PEERS, () => existsSync(`${PEERS}/node_modules/.package-lock.json`));

const octavoVariables = ({ databaseUrl }: Surroundings) => ({
  DATABASE_URL: databaseUrl,
  DATABASE_POOL_SIZE: `${POOL_SIZE}`,
  CURSOR_KEY,
  AUTH_SECRET,
  RATE_LIMIT: "off",
});

const onRuntime = (label: string, file: string, args: string[]): Target => ({
  label,
  dialect: octavo,
  build: servers,
  start: (name, surroundings) =>
    startServer(name, (port) => ({ file, args, env: { ...octavoVariables(surroundings), PORT: `${port}` } })),
});

const peer = (label: string, build: Target["build"], file: string, args: string[] = []): Target => ({
  label,
  dialect: peers,
  build,
  start: (name, { databaseUrl }) =>
    startServer(name, (port) => ({
      file,
      args,
      env: {
        DATABASE_URL: databaseUrl,
        DATABASE_POOL_SIZE: `${POOL_SIZE}`,
        PORT: `${port}`,
        NODE_ENV: "production",
      },
    })),
});

const bare = (label: string, file: string, script: string): Target => ({
  label,
  dialect: peers,
  isBare: true,
  build: nothing,
  start: (name, { body }) =>
    startServer(name, (port) => ({
      file,
      args: [`${ROOT}/bench/bare/${script}`],
      env: { PORT: `${port}`, BODY: body },
    })),
});

export const TARGETS: Record<string, Target> = {
  "octavo-node": onRuntime("Octavo on Node", process.execPath, [...NODE_FLAGS, `${ROOT}/dist/node.js`]),
  "octavo-bun": onRuntime("Octavo on Bun", "bun", ["--no-install", `${ROOT}/dist/bun.js`]),
  "octavo-workerd": {
    label: "Octavo on workerd",
    dialect: octavo,
    build: worker,
    start: (name, surroundings) =>
      startWorkerd(name, WORKER, {
        ...octavoVariables(surroundings),
        NEON_FETCH_ENDPOINT: surroundings.neonUrl,
      }),
  },
  actix: peer("Actix + sqlx", cargo, `${PEERS}/target/release/actix-bookstore`),
  axum: peer("Axum + sqlx", cargo, `${PEERS}/target/release/axum-bookstore`),
  gin: peer("Gin + pgx", go, `${PEERS}/target/gin-bookstore`),
  fastify: peer("Fastify + pg", npm, process.execPath, [`${PEERS}/fastify/server.js`]),
  express: peer("Express + pg", npm, process.execPath, [`${PEERS}/express/server.js`]),
  "bare-node": bare("Node alone", process.execPath, "node.js"),
  "bare-bun": bare("Bun alone", "bun", "bun.js"),
  "bare-workerd": {
    label: "workerd alone",
    dialect: peers,
    isBare: true,
    build: nothing,
    start: (name, { body }) => startWorkerd(name, `${ROOT}/bench/bare/worker.js`, { BODY: body }),
  },
};

/** pgbench is no server, and no target of the table; it takes part as the limit of Postgres itself. */
export const labelOf = (target: string) => TARGETS[target]?.label ?? "pgbench";

/** What a target is there for. */
export function familyOf(target: string): "octavo" | "peer" | "limit" {
  if (!TARGETS[target] || TARGETS[target].isBare) return "limit";
  return TARGETS[target].dialect === octavo ? "octavo" : "peer";
}

/** As in the table of targets, with pgbench behind all. */
export function order(target: string): number {
  const at = Object.keys(TARGETS).indexOf(target);
  return at < 0 ? Number.POSITIVE_INFINITY : at;
}
