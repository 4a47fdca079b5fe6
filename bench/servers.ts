/** Starts and stops the measured processes, and reads their CPU time and memory from Linux. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readdir, readFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DATA } from "../ops/data.ts";
import { StartupError } from "../src/startup-error.ts";

const START_TIMEOUT_MS = 30_000;
const END_TIMEOUT_MS = 5_000;
const POLL_MS = 5;

export interface Server {
  origin: string;
  pid: number;
  stop(): Promise<void>;
}

/**
 * Starts a server, and resolves when it responds.
 *
 * @param name the name of its log file
 * @param command makes the command that listens on a port
 * @throws StartupError if it does not respond
 */
export async function startServer(
  name: string,
  command: (port: number) => { file: string; args: string[]; env?: NodeJS.ProcessEnv },
): Promise<Server> {
  const port = await freePort();
  const { file, args, env } = command(port);
  const path = join(DATA, "bench", "logs", `${name}.log`);
  await mkdir(join(path, ".."), { recursive: true });
  const log = await open(path, "w");
  const child = spawn(file, args, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", log.fd, log.fd],
  });
  const ended = once(child, "exit");
  await Promise.race([once(child, "spawn"), ended]);
  await log.close();
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const stop = async () => {
    if (hasEnded()) return;
    child.kill("SIGTERM");
    const last = setTimeout(() => child.kill("SIGKILL"), END_TIMEOUT_MS);
    await ended;
    clearTimeout(last);
  };
  const origin = `http://127.0.0.1:${port}`;
  for (const deadline = Date.now() + START_TIMEOUT_MS; !(await answers(origin)); await sleep(POLL_MS)) {
    if (!hasEnded() && Date.now() < deadline) continue;
    await stop();
    throw new StartupError(`${name} does not start: see ${path}.`);
  }
  return { origin, pid: child.pid as number, stop };
}

const answers = (origin: string) =>
  fetch(origin).then(
    async (response) => {
      await response.body?.cancel();
      return true;
    },
    () => false,
  );

export async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Linux's unit of CPU time in /proc (USER_HZ), on all platforms. */
const TICKS_PER_SECOND = 100;

/** Seconds of CPU that a process has used, including children that have ended. */
async function ownCpu(pid: number | string): Promise<{ parent: number; seconds: number }> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8");
  // proc(5): after the name in parentheses, the parent is the second field, the times are the 12th to the 15th.
  const fields = status
    .slice(status.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const ticks = fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0);
  return { parent: fields[1] ?? 0, seconds: ticks / TICKS_PER_SECOND };
}

/** Seconds of CPU that a process and its children have used. */
export async function cpuSeconds(pid: number): Promise<number> {
  for (;;) {
    const { seconds } = await ownCpu(pid);
    let total = seconds;
    for (const name of await readdir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const other = await ownCpu(name).catch(() => undefined);
      if (other?.parent === pid) total += other.seconds;
    }
    // The time of a child that ends meanwhile moves to its parent and would be missed, so this tries again.
    if ((await ownCpu(pid)).seconds === seconds) return total;
  }
}

/** The peak resident memory of a process, in megabytes (of 1,000,000 bytes). */
export async function peakMemory(pid: number): Promise<number> {
  const [, kib] = (await readFile(`/proc/${pid}/status`, "utf8")).match(/^VmHWM:\s+(\d+) kB$/m) ?? [];
  return (Number(kib) * 1024) / 1e6;
}

/** The process whose children are the backends. */
export async function parentOf(pid: number): Promise<number> {
  return (await ownCpu(pid)).parent;
}
