/** What `npm run check:clients` knows of a tool that makes clients, and how it runs commands. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** Where tools are installed at their first use: `node_modules` stays as `npm ci` made it. */
export const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "octavo-clients");

/** The programs that use the generated clients. */
export const PROGRAMS = join(import.meta.dirname, "programs");

export interface Tool {
  name: string;
  /** Commands that it needs on the PATH, beside npm. */
  needs: readonly string[];
  /** Commands that only compiling needs. */
  needsToCompile?: readonly string[];
  /** Where a tool finds its modules, if not in a directory of its own. */
  home?: string;
  /** Makes the client and puts the program beside it, in the directory. */
  make(site: Site): Promise<void>;
  compile(site: Site): Promise<void>;
  /** Runs the program, which prints the lines that check.ts expects. */
  run(site: Site): Promise<string>;
}

/** Where one tool works. */
export interface Site {
  directory: string;
  /** The path of the document. */
  document: string;
  /** The environment of the program. */
  environment: Record<string, string>;
}

/**
 * Runs a command to its end, and returns what it prints.
 *
 * @throws with the end of its output if it fails
 */
export async function run(
  [file = "", ...args]: string[],
  cwd: string,
  environment: Record<string, string> = {},
): Promise<string> {
  const child = spawn(file, args, {
    cwd,
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  let all = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
    all += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    all += text;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${file} ${args.join(" ")} exits with ${code}:\n${all.slice(-3000)}`);
  return printed;
}

/** Whether a command is on the PATH. */
export function isInstalled(command: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
