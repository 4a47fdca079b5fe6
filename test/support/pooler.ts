import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { inject } from "vitest";
import { atEnd } from "./end.ts";
import { freePort } from "./port.ts";

/** The first version that supports prepared statements in transaction mode. */
const [MAJOR, MINOR] = [1, 21];

/** Why the tests with PgBouncer cannot run on this machine; undefined if they can. */
export const NO_POOLER = reasonForNoPooler();

function reasonForNoPooler(): string | undefined {
  try {
    const text = execFileSync("pgbouncer", ["--version"], { encoding: "utf8" });
    const [, major, minor] = text.match(/^PgBouncer (\d+)\.(\d+)/) ?? [];
    const isNewEnough = Number(major) > MAJOR || (Number(major) === MAJOR && Number(minor) >= MINOR);
    return isNewEnough ? undefined : `PgBouncer is ${major}.${minor}, older than ${MAJOR}.${MINOR}`;
  } catch {
    return "PgBouncer is not installed";
  }
}

/**
 * Starts PgBouncer in transaction mode in front of the test server, and stops it when the test file ends.
 *
 * @param settings settings of pgbouncer.ini that differ from its defaults
 * @returns a function that maps a database's URL to its URL through the pooler
 */
export async function startPooler(settings: Record<string, string | number> = {}) {
  const server = new URL(inject("postgres"));
  const directory = await mkdtemp(join(tmpdir(), "octavo-pooler-"));
  // PgBouncer refuses to run as root, so another user must read its files.
  await chmod(directory, 0o755);
  const port = await freePort();
  const users = join(directory, "users");
  await writeFile(users, `"${server.username}" "${server.password}"\n`);
  const options = {
    listen_addr: "127.0.0.1",
    listen_port: port,
    unix_socket_dir: "",
    auth_type: "scram-sha-256",
    auth_file: users,
    pool_mode: "transaction",
    ...(process.getuid?.() === 0 && { user: "postgres" }),
    ...settings,
  };
  const file = join(directory, "pgbouncer.ini");
  const lines = Object.entries(options).map(([name, value]) => `${name} = ${value}`);
  await writeFile(
    file,
    `[databases]\n* = host=${server.hostname} port=${server.port}\n[pgbouncer]\n${lines.join("\n")}\n`,
  );
  const child = spawn("pgbouncer", [file], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk) => {
    log += chunk;
  });
  const exit = once(child, "close");
  atEnd(async () => {
    child.kill("SIGTERM");
    await exit;
    await rm(directory, { recursive: true });
  });
  const through = (url: string) => Object.assign(new URL(url), { port: `${port}` }).href;
  for (let tries = 0; !(await accepts(through(server.href))); tries++) {
    if (tries === 100 || child.exitCode !== null) throw new Error(`PgBouncer does not start:\n${log}`);
    await sleep(50);
  }
  return { through };
}

async function accepts(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}
