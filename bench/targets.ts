/** The measured servers: Octavo on its three runtimes, its peers, and a bare server per runtime as the upper limit. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { StartupError } from "../src/startup-error.ts";
import type { PeerSearch } from "./databases.ts";
import * as ownRequests from "./requests.ts";
import { type Dialect, octavo, peers } from "./requests.ts";
import { type Server, startServer } from "./servers.ts";
import { startWorkerd, WORKER } from "./workerd.ts";

/** Connections to Postgres, the same for every target. */
export const POOL_SIZE = 8;

/** As in `npm start`. */
export const NODE_FLAGS = ["--max-semi-space-size=8", "--heap-growing-percent=200"];

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PEERS = fileURLToPath(new URL("./peers", import.meta.url));

/** What a server is started with. */
export interface Surroundings {
  databaseUrl: string;
  /** The Neon endpoint, through which workerd reaches the database. */
  neonUrl: string;
  /** The response body of the bare servers: a book. */
  body: string;
  /** How old replies may be that workerd takes from its cache. */
  edgeCacheSeconds?: number;
}

export interface Target {
  label: string;
  dialect: Dialect;
  /** How it searches, and on which database: a peer's copy, or Octavo's own. */
  search: "octavo" | "former" | PeerSearch;
  /** Gives the same response to every request: an upper limit, not an API. */
  isBare?: true;
  /** @returns the name of the missing program if the build needs one that is not installed */
  build(): Promise<string | undefined>;
  start(name: string, surroundings: Surroundings): Promise<Server>;
}

/** Runs a build command once for all targets that need it. */
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
const worker = building(process.execPath, ["dev/bundle.ts"], ROOT);
const cargo = building("cargo", ["build", "--release", "--locked"], PEERS);
const go = building("go", ["build", "-o", "../target/gin-bookstore", "."], `${PEERS}/gin`);
const npm = building("npm", ["ci"], PEERS, () => existsSync(`${PEERS}/node_modules/.package-lock.json`));

/** The targets that can be compared between commits: the servers with a connection pool. */
export const RUNTIMES = ["octavo-node", "octavo-bun"] as const;

type Requests = Pick<typeof ownRequests, "octavo" | "CURSOR_KEY" | "AUTH_SECRET">;

const octavoVariables = ({ databaseUrl }: Surroundings, { CURSOR_KEY, AUTH_SECRET }: Requests) => ({
  DATABASE_URL: databaseUrl,
  DATABASE_POOL_SIZE: `${POOL_SIZE}`,
  CURSOR_KEY,
  AUTH_SECRET,
  RATE_LIMIT: "off",
});

/**
 * Octavo on Node and on Bun, built from a source tree.
 *
 * @param requests `bench/requests.ts` of the same tree, because the format of cursors may differ between commits
 */
export function octavoServers(
  root: string,
  requests: Requests,
  name = "Octavo",
): Record<(typeof RUNTIMES)[number], Target> {
  const build = building(process.execPath, ["dev/build.js"], root);
  const on = (runtime: string, file: string, args: string[]): Target => ({
    label: `${name} on ${runtime}`,
    dialect: requests.octavo,
    search: "octavo",
    build,
    start: (name, surroundings) =>
      startServer(name, (port) => ({
        file,
        args,
        env: { ...octavoVariables(surroundings, requests), PORT: `${port}` },
      })),
  });
  return {
    "octavo-node": on("Node", process.execPath, [...NODE_FLAGS, join(root, "dist/node.js")]),
    "octavo-bun": on("Bun", "bun", ["--no-install", join(root, "dist/bun.js")]),
  };
}

const peer = (
  label: string,
  search: PeerSearch,
  build: Target["build"],
  file: string,
  args: string[] = [],
): Target => ({
  label,
  dialect: peers,
  search,
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
  search: "octavo",
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
  ...octavoServers(ROOT, ownRequests),
  "octavo-workerd": {
    label: "Octavo on workerd",
    dialect: octavo,
    search: "octavo",
    build: worker,
    start: (name, surroundings) =>
      startWorkerd(name, WORKER, {
        ...octavoVariables(surroundings, ownRequests),
        NEON_FETCH_ENDPOINT: surroundings.neonUrl,
        EDGE_CACHE_SECONDS: `${surroundings.edgeCacheSeconds ?? 0}`,
      }),
  },
  actix: peer("Actix + sqlx", "websearch", cargo, `${PEERS}/target/release/actix-bookstore`),
  axum: peer("Axum + sqlx", "websearch", cargo, `${PEERS}/target/release/axum-bookstore`),
  gin: peer("Gin + pgx", "ilike", go, `${PEERS}/target/gin-bookstore`),
  fastify: peer("Fastify + pg", "ilike", npm, process.execPath, [`${PEERS}/fastify/server.js`]),
  express: peer("Express + pg", "ilike", npm, process.execPath, [`${PEERS}/express/server.js`]),
  "bare-node": bare("Node alone", process.execPath, "node.js"),
  "bare-bun": bare("Bun alone", "bun", "bun.js"),
  "bare-workerd": {
    label: "workerd alone",
    dialect: peers,
    search: "octavo",
    isBare: true,
    build: nothing,
    start: (name, { body }) => startWorkerd(name, `${ROOT}/bench/bare/worker.js`, { BODY: body }),
  },
};

/** pgbench takes part as the upper limit of Postgres. It is not a server, so `TARGETS` does not have it. */
export const PGBENCH = "pgbench";

export const labelOf = (target: string) => TARGETS[target]?.label ?? target;

/** The role of a target in the comparison. */
export function familyOf(target: string): "octavo" | "peer" | "limit" {
  if (!TARGETS[target] || TARGETS[target].isBare) return "limit";
  return TARGETS[target].dialect === octavo ? "octavo" : "peer";
}

/** The position in `TARGETS`, with pgbench last. */
export function order(target: string): number {
  const at = Object.keys(TARGETS).indexOf(target);
  return at < 0 ? Number.POSITIVE_INFINITY : at;
}
