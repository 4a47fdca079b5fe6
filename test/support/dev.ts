import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, vi } from "vitest";
import { freePort } from "./port.ts";

vi.setConfig({ testTimeout: 90_000 });

/** A folder of the test file's own. */
let directory: string;
const started: Run[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "octavo-dev-"));
  // When root runs the tests, Postgres runs as another user, who has to enter.
  await chmod(directory, 0o755);
});
afterEach(async () => {
  for (const run of started.splice(0)) await run.end("SIGTERM");
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** A path in the folder of the test file. */
export const inDirectory = (...names: string[]) => join(directory, ...names);

/** `npm run dev` as a person runs it. */
export interface Run {
  child: ChildProcess;
  origin: string;
  /** Standard output, and beside it standard error. */
  stdout(): string;
  output(): string;
  /** Resolves when the greeting is out; rejects if the process ends before. */
  ready: Promise<void>;
  exit: Promise<number | null>;
  end(signal: NodeJS.Signals): Promise<number | null>;
}

interface Options {
  port?: number;
  flags?: string[];
  /** The folder of the data. */
  data?: string;
  variables?: Record<string, string | undefined>;
  /** The folder of the code. */
  checkout?: string;
  /** Runs it on a terminal. */
  terminal?: boolean;
}

export async function run(options: Options = {}): Promise<Run> {
  const { port = await freePort(), flags = [], data = inDirectory("data"), variables = {} } = options;
  const command = [process.execPath, "dev/main.ts", ...flags];
  // util-linux's; what is written to its stdin is typed.
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
  const it = { child, origin, stdout: () => stdout, output: () => output, ready, exit, end };
  started.push(it);
  return it;
}
