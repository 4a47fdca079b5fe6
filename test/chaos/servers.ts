/** The servers that are disturbed: one for each runtime, on one database, each behind a gate of its own. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { startNeonEndpoint } from "../../dev/neon-endpoint.ts";
import { atEnd } from "../support/end.ts";
import { startProxy } from "../support/proxy.ts";
import { launchServer, type Runtime } from "../support/servers.ts";
import { bundleWorker } from "../support/setup.ts";
import { SECRET } from "../support/token.ts";
import { startWorker } from "../support/worker.ts";
import type { Cluster } from "./cluster.ts";
import { Gate } from "./gate.ts";

/** The time of a request, within which it is answered. */
export const DEADLINE_MS = 3000;

const VARIABLES = {
  AUTH_SECRET: SECRET,
  // All servers make the same cursors, and so the same bytes.
  CURSOR_KEY: "the cursor key of the chaos, 32 bytes",
  PUBLIC_URL: "http://shop.example",
  REQUEST_TIMEOUT_MS: `${DEADLINE_MS}`,
  DATABASE_POOL_SIZE: "5",
  LOG_LEVEL: "error",
  RATE_LIMIT: "off",
};

export interface Server {
  runtime: Runtime;
  url: string;
  /** Between the server and the database. */
  gate: Gate;
  /** The process; undefined where the runtime runs in one with others. */
  pid: number | undefined;
  /** The errors that were logged so far, each a line. */
  logs(): string[];
}

/** Starts the servers of the runtimes, on the built bundles. */
export async function startServers(
  runtimes: readonly Runtime[],
  cluster: Cluster,
  directory: string,
): Promise<Server[]> {
  await promisify(execFile)(process.execPath, ["dev/build.js"]);
  const started = runtimes.map(async (runtime): Promise<Server> => {
    if (runtime === "workerd") return startOnWorkerd(cluster, directory);
    const gate = await Gate.start(cluster.url);
    const { url, child, logs } = launchServer(runtime, {
      ...VARIABLES,
      DATABASE_URL: gate.proxy.url,
      NEON_FETCH_ENDPOINT: "http://127.0.0.1:9/sql",
    });
    return { runtime, url: await url, gate, pid: child.pid, logs };
  });
  return Promise.all(started);
}

/** The Worker reaches Postgres through a local Neon endpoint, and its gate is in front of that. */
async function startOnWorkerd(cluster: Cluster, directory: string): Promise<Server> {
  const worker = await bundleWorker(join(directory, "worker"));
  // The endpoint keeps its target, and the server may restart at another port.
  const postgres = await startProxy(cluster.url);
  const endpoint = await startNeonEndpoint({ postgres: postgres.url, maxConnections: 10 });
  atEnd(() => endpoint.close());
  const gate = await Gate.start(new URL(endpoint.url));
  const { url, logs } = await startWorker(
    { url: cluster.url.href },
    { ...VARIABLES, NEON_FETCH_ENDPOINT: gate.proxy.url },
    { directory: worker },
  );
  return { runtime: "workerd", url, gate, pid: undefined, logs };
}
