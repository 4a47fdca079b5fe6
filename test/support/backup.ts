import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";

/** The major version of the embedded server; pg_dump reads servers of its own version and older ones. */
const SERVER = 18;

/** Why the tests of backups cannot run on this machine; undefined if they can. */
export const NO_PG_DUMP = reasonForNoPgDump();

function reasonForNoPgDump(): string | undefined {
  try {
    const [, major] = execFileSync("pg_dump", ["--version"], { encoding: "utf8" }).match(/ (\d+)/) ?? [];
    return Number(major) >= SERVER ? undefined : `pg_dump is ${major}, older than the server's ${SERVER}`;
  } catch {
    return "pg_dump is not installed";
  }
}

/** Runs pg_dump or pg_restore. It rejects with what the program prints. */
export async function runTool(name: "pg_dump" | "pg_restore", ...args: string[]): Promise<void> {
  await promisify(execFile)(name, args, { env: { PATH: process.env.PATH } });
}
