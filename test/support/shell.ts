/** Runs the shell commands of a page as a reader would, and compares their output with the page. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import { environmentOf } from "./command.ts";
import type { Block } from "./markdown.ts";
import { SECRET } from "./token.ts";

/** What the commands of one block printed, and the status of each response that curl received. */
export interface Outcome {
  output: string;
  statuses: number[];
}

/** Precedes a page's commands: curl alone prints to stderr, each status; npm runs the command that the setup has built. */
const PRELUDE = `
curl() { command curl -sS -w '\\n%{stderr}%{http_code}\\n' "$@"; }
npm() { [ "$1 $2 $3 $4" = "run -s token --" ] && shift 4 && node dist/token.js "$@" 2>/dev/null; }
`;

/**
 * Runs the blocks of a page in one shell.
 *
 * @param servers the URLs of started servers, by the URLs on the page
 */
export async function runCommands(commands: Block[], servers: Record<string, string>): Promise<Outcome[]> {
  const folder = await mkdtemp(join(tmpdir(), "octavo-docs-"));
  try {
    const scripts = commands.map(({ text }, at) => {
      const script = Object.entries(servers).reduce((all, [shown, url]) => all.replaceAll(shown, url), text);
      return `exec >${folder}/${at}.out 2>${folder}/${at}.err\n${script}`;
    });
    const env = environmentOf({ AUTH_SECRET: SECRET });
    await promisify(execFile)("sh", ["-c", PRELUDE + scripts.join("\n")], { env });
    const read = (name: string) => readFile(join(folder, name), "utf8");
    return await Promise.all(
      commands.map(async (_, at) => ({
        output: await read(`${at}.out`),
        statuses: (await read(`${at}.err`)).trim().split("\n").map(Number),
      })),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Expects every request to succeed, and the last response to be the JSON after the block, if there is one. */
export function expectAsShown({ next }: Block, { output, statuses }: Outcome): void {
  const lines = next?.text.trim().split("\n") ?? [];
  const isStream = lines.length > 1 && lines.every((line) => line.endsWith("}"));
  const sample =
    next?.language === "json" ? JSON.parse(isStream ? `[${lines.join()}]` : next.text) : undefined;
  const last = statuses.at(-1);
  const others = statuses.slice(0, -1);
  expect([...others, sample?.error ? 200 : last].every(isSuccess), `${statuses} ${output}`).toBe(true);
  if (!sample) return;
  if (sample.error) expect(last).toBe(sample.status);
  const received = output
    .trim()
    .split("\n")
    .slice(isStream ? -lines.length : -1);
  const response = JSON.parse(isStream ? `[${received.join()}]` : `${received[0]}`);
  // As text, because the order of the members counts.
  expect(JSON.stringify(masked(response, sample), null, 2)).toBe(JSON.stringify(sample, null, 2));
}

const isSuccess = (status: number | undefined) => status !== undefined && status >= 200 && status < 300;

/** A value with "…" wherever the sample has it. A member "…" stands for all members that the sample does not name. */
function masked(value: unknown, sample: unknown): unknown {
  if (sample === "…") return value === undefined || value === null ? value : "…";
  if (Array.isArray(value) && Array.isArray(sample)) return value.map((item, at) => masked(item, sample[at]));
  if (typeof value !== "object" || value === null || typeof sample !== "object") return value;
  const samples = (sample ?? {}) as Record<string, unknown>;
  const named = Object.entries(value).filter(([name]) => !("…" in samples) || name in samples);
  return Object.fromEntries([
    ...named.map(([name, item]) => [name, masked(item, samples[name])]),
    ...("…" in samples ? [["…", "…"]] : []),
  ]);
}
