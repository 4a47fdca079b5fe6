/** The documentation's shell commands; those of a page run in one shell. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { loadSample } from "../../dev/sample.ts";
import { createTestDatabase } from "../support/database.ts";
import { atEnd } from "../support/end.ts";
import { type Block, blocksOf, PAGES } from "../support/markdown.ts";
import { startServer } from "../support/servers.ts";
import { SECRET } from "../support/token.ts";

const BLOCKS = PAGES.flatMap(blocksOf);
const isCommand = ({ language, isSkipped }: Block) => language === "sh" && !isSkipped;

test("every block that no test runs is listed here", () => {
  const skipped = BLOCKS.filter(({ isSkipped }) => isSkipped);
  expect(skipped.map(({ page, text }) => `${page}: ${text.split("\n")[0]}`)).toEqual([
    "README.md: npm ci && npm run dev",
    "README.md: npm ci && npm test",
    "CONTRIBUTING.md: python3 -m venv .venv && .venv/bin/pip install schemathesis",
    "docs/auth.md: npm run dev -- --auth",
    "docs/client.md: npm run build && npm pack ./dist/client",
    "docs/deploy.md: DATABASE_URL=… npm run db:migrate",
    "docs/deploy.md: npm run db:migrate -- --grant ROLE",
    "docs/deploy.md: pg_restore --data-only --schema=public --dbname=DATABASE FILE",
    "docs/deploy.md: npx wrangler secret put DATABASE_URL",
    "docs/deploy.md: npm ci && npm run build",
    "docs/deploy.md: node --max-semi-space-size=8 --heap-growing-percent=200 dist/node.js",
  ]);
});

test("every other block is a command, a program, an output of either, or a drawing", () => {
  const unknown = BLOCKS.filter((block) => {
    const { language, isSkipped, previous } = block;
    if (language === "sh") return !isSkipped && !block.text.includes("curl");
    if (language === "json") return !previous || !isCommand(previous);
    if (language === "") return previous?.language !== "ts";
    return language !== "ts" && language !== "mermaid";
  });
  expect(unknown.map(({ place }) => place)).toEqual([]);
});

/** Precedes a page's commands: curl prints each status to stderr, and npm runs the bundle of the setup. */
const PRELUDE = `
curl() { command curl -sS -w '\\n%{stderr}%{http_code}\\n' "$@"; }
npm() { [ "$1 $2 $3 $4" = "run -s token --" ] && shift 4 && node dist/token.js "$@"; }
`;

describe.each(PAGES.filter((page) => blocksOf(page).some(isCommand)))("the commands of %s", (page) => {
  const commands = blocksOf(page).filter(isCommand);
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "octavo-docs-"));
    atEnd(() => rm(folder, { recursive: true }));
    const database = await createTestDatabase();
    await loadSample(database.url);
    const dev = await startServer("workerd", database, { OPEN_LOCAL_WRITES: "true" });
    const server = await startServer("node", database, { AUTH_SECRET: SECRET });
    const scripts = commands.map(({ text }, at) => {
      const urls = text
        .replaceAll("http://127.0.0.1:8787", dev.url)
        .replaceAll("http://127.0.0.1:8080", server.url);
      return `exec >${folder}/${at}.out 2>${folder}/${at}.err\n${urls}`;
    });
    const env = { PATH: process.env.PATH, AUTH_SECRET: SECRET };
    await promisify(execFile)("sh", ["-c", PRELUDE + scripts.join("\n")], { env });
  });

  test.each(commands.map((command, at) => [command.place, command, at] as const))(
    "the commands at %s return what the page says",
    async (_, { next }, at) => {
      const [output, statuses] = await Promise.all(
        ["out", "err"].map((end) => readFile(`${folder}/${at}.${end}`, "utf8")),
      );
      const sample = next?.language === "json" ? JSON.parse(next.text) : undefined;
      const answered = statuses?.trim().split("\n").map(Number) ?? [];
      const last = answered.pop();
      expect([...answered, sample?.error ? 200 : last].every(isSuccess), `${statuses} ${output}`).toBe(true);
      if (!sample) return;
      if (sample.error) expect(last).toBe(sample.status);
      const response = JSON.parse(output?.trim().split("\n").at(-1) ?? "");
      // Compared as text, because the order of members matters.
      expect(JSON.stringify(masked(response, sample), null, 2)).toBe(JSON.stringify(sample, null, 2));
    },
  );
});

const isSuccess = (status: number | undefined) => status !== undefined && status >= 200 && status < 300;

/** Replaces values that are not null with "…" where the sample has it. */
function masked(value: unknown, sample: unknown): unknown {
  if (sample === "…") return value === undefined || value === null ? value : "…";
  if (Array.isArray(value) && Array.isArray(sample)) return value.map((item, at) => masked(item, sample[at]));
  if (typeof value !== "object" || value === null || typeof sample !== "object") return value;
  const samples = sample as Record<string, unknown> | null;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, masked(item, samples?.[name])]),
  );
}
