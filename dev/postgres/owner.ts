/** Which process runs the server of a site: a record in a file, so that later processes join its server. */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { StartupError } from "../../src/startup-error.ts";
import { isCode, readIfThere } from "./files.ts";
import { START_TIMEOUT_MS } from "./server.ts";
import type { Site } from "./site.ts";

const POLL_MS = 10;

const run = promisify(execFile);

/** The process that runs the server of a site. The port is set when the server is ready. */
interface Owner {
  pid: number;
  /** Distinguishes the process from a later one with the same pid. */
  started: string;
  port?: number;
}

/** Makes this process the owner of the site, or returns the port of the live owner's server. */
export async function claim(site: Site): Promise<number | undefined> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const record = await readIfThere(site.owner);
    const owner = record && parseOwner(record);
    if (record === undefined) {
      if (await takeOwnership(site)) return undefined;
    } else if (!owner || !(await isAlive(owner))) {
      await removeOwner(site, record);
    } else if (owner.port !== undefined) {
      return owner.port;
    } else if (Date.now() > deadline) {
      throw new StartupError(
        `Process ${owner.pid} did not start Postgres within a minute: end it and try again.`,
      );
    } else {
      await sleep(POLL_MS);
    }
  }
}

function parseOwner(record: string): Owner | undefined {
  try {
    return JSON.parse(record) as Owner;
  } catch {
    return undefined;
  }
}

async function isAlive({ pid, started }: Owner): Promise<boolean> {
  return started !== undefined && (await startOf(pid)) === started;
}

/** Removes the record of a dead owner, but restores the record of a process that became the owner meanwhile. */
async function removeOwner(site: Site, record: string): Promise<void> {
  const aside = `${site.owner}.${randomUUID()}`;
  try {
    await rename(site.owner, aside);
    if ((await readFile(aside, "utf8")) !== record) await link(aside, site.owner);
    await rm(aside);
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
  }
}

/** Records this process as the owner; returns false if another process was faster. */
async function takeOwnership(site: Site): Promise<boolean> {
  try {
    // A link is created atomically and fails if the file exists; a plain write guarantees neither.
    await recordOwner(site, undefined, link);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  }
}

/** Tells processes that wait in {@link claim} that the server is ready. */
export function announce(site: Site, port: number): Promise<void> {
  return recordOwner(site, port, rename);
}

async function recordOwner(
  site: Site,
  port: number | undefined,
  publish: (draft: string, path: string) => Promise<void>,
): Promise<void> {
  const draft = `${site.owner}.${randomUUID()}`;
  try {
    await writeFile(draft, JSON.stringify({ pid: process.pid, started: await startOf(process.pid), port }));
    await publish(draft, site.owner);
  } finally {
    await rm(draft, { force: true });
  }
}

/** The start time of a process, in a form for comparison only; undefined if there is no such process. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    if (process.platform === "linux") {
      const status = await readFile(`/proc/${pid}/stat`, "utf8");
      // proc(5): after the name in parentheses, the state is the first field and the start time the 20th.
      const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
      const isZombie = fields[0] === "Z";
      return isZombie ? undefined : fields[19];
    }
    return (await run("ps", ["-o", "lstart=", "-p", `${pid}`])).stdout.trim();
  } catch {
    return undefined;
  }
}
