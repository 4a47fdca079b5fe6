import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { environmentOf } from "./command.ts";
import { blocksOf } from "./markdown.ts";

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

/**
 * Runs a command of docs/deploy.md, as a reader would.
 *
 * @param start the beginning of the command
 * @param folder where the dump is
 * @param url the database
 */
export async function runAsShown(start: string, folder: string, url: string): Promise<void> {
  const lines = blocksOf("docs/deploy.md").flatMap(({ text }) => text.split("\n"));
  const command = lines.find((line) => line.startsWith(start));
  if (!command) throw new Error(`docs/deploy.md has no command that begins with ${start}`);
  const filled = command.replace("=DATABASE ", '="$DATABASE_URL" ').replace(/FILE$/, "octavo.dump");
  const env = environmentOf({ DATABASE_URL: url });
  await promisify(execFile)("sh", ["-c", filled], { cwd: folder, env });
}
