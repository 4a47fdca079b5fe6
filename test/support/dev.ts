import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { beforeAll, onTestFinished, vi } from "vitest";
import { atEnd } from "./end.ts";
import { freePort } from "./port.ts";

/** The test file's temporary directory. */
let directory: string;

/** Prepares a test file that starts `npm run dev`. */
export function prepareDev(): void {
  vi.setConfig({ testTimeout: 90_000 });
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "octavo-dev-"));
    atEnd(() => rm(directory, { recursive: true, force: true }));
    // If root runs the tests, Postgres runs as another user, who needs access.
    await chmod(directory, 0o755);
  });
}

/** A path in the test file's temporary directory. */
export const inDirectory = (...names: string[]) => join(directory, ...names);

/** A process of `npm run dev`. */
export interface Run {
  child: ChildProcess;
  origin: string;
  /** Standard output so far. */
  stdout(): string;
  /** Standard output and standard error so far. */
  output(): string;
  /** Resolves when the greeting is printed; rejects if the process exits first. */
  ready: Promise<void>;
  exit: Promise<number | null>;
  end(signal: NodeJS.Signals): Promise<number | null>;
}

interface Options {
  port?: number;
  flags?: string[];
  /** The data directory. */
  data?: string;
  variables?: Record<string, string | undefined>;
  /** The directory of the code. */
  checkout?: string;
  /** Whether it runs on a terminal. */
  terminal?: boolean;
}

/** Starts `npm run dev`, and stops it when the test ends. */
export async function run(options?: Options): Promise<Run> {
  const started = await launch(options);
  onTestFinished(async () => {
    await started.end("SIGTERM");
  });
  return started;
}

/** Starts `npm run dev`; the caller stops it. */
export async function launch(options: Options = {}): Promise<Run> {
  const { port = await freePort(), flags = [], data = inDirectory("data"), variables = {} } = options;
  const command = [process.execPath, "dev/main.ts", ...flags];
  // `script` of util-linux passes its standard input to the terminal.
  const [file = "", ...args] = options.terminal
    ? ["script", "-qefc", `exec ${command.join(" ")}`, "/dev/null"]
    : command;
  const child = spawn(file, args, {
    cwd: options.checkout ?? process.cwd(),
    env: { ...process.env, PORT: `${port}`, DATA_DIR: data, AUTH_SECRET: "", ...variables },
    stdio: [options.terminal ? "pipe" : "ignore", "pipe", "pipe"],
  });
  let [stdout, output] = ["", ""];
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      output += text;
      if (stdout.includes("Ctrl-C stops everything")) resolve();
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.on("close", () => reject(new Error(`ended early: ${output}`)));
  });
  ready.catch(() => {});
  const exit = once(child, "close").then(([code]) => code as number | null);
  const end = (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return exit;
  };
  const origin = `http://127.0.0.1:${port}`;
  return { child, origin, stdout: () => stdout, output: () => output, ready, exit, end };
}

/**
 * Copies the code that `npm run dev` needs, with another wrangler.toml.
 *
 * @param edit receives the text of wrangler.toml, and returns that of the copy
 * @returns the directory of the copy
 */
export async function copyCheckout(edit: (toml: string) => string): Promise<string> {
  const checkout = await mkdtemp(inDirectory("checkout-"));
  for (const path of ["dev", "dist/assets", "drizzle", "ops", "src", "package.json", "tsconfig.json"])
    await cp(path, join(checkout, path), { recursive: true });
  await symlink(resolve("node_modules"), join(checkout, "node_modules"));
  await writeFile(join(checkout, "wrangler.toml"), edit(await readFile("wrangler.toml", "utf8")));
  return checkout;
}

export const QUOTA = 5;

/** Lowers the quota, for {@link copyCheckout}. */
export function withSmallQuota(toml: string): string {
  return toml.replace("limit = 600, period = 60", `limit = ${QUOTA}, period = 60`);
}

/** Requests that exceed {@link QUOTA} even if a minute, the quota's window, ends between them. */
export const BEYOND_QUOTA = 2 * QUOTA + 1;
