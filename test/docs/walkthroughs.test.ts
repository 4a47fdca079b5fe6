/** The walk-throughs of the documentation, carried out on copies of the tree with the blocks of their pages. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { loadSample } from "../../dev/sample.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { atEnd } from "../support/end.ts";
import { type Block, blocksOf, textOf, WALKTHROUGHS } from "../support/markdown.ts";
import { launchServer } from "../support/servers.ts";
import { expectAsShown, type Outcome, runCommands } from "../support/shell.ts";
import { SECRET } from "../support/token.ts";

/** Steps run tests, which start databases and servers of their own. */
const STEPS_TIMEOUT_MS = 400_000;

const run = promisify(execFile);

describe.each(WALKTHROUGHS)("%s", (page) => {
  const blocks = blocksOf(page).filter(({ language }) => language !== "json");
  const requests = blocks.filter(isRequest);
  const steps = blocks.filter((block) => !isRequest(block));
  let tree: string;
  let database: TestDatabase;

  beforeAll(async () => {
    tree = await copyTree();
    database = await createTestDatabase();
    // Books that the tree wrote before the change.
    await loadSample(database.url);
  });

  test(`the steps of ${page} can be carried out in order`, { timeout: STEPS_TIMEOUT_MS }, async () => {
    for (const step of steps) await carryOut(step, tree, database.url);
  });

  test(`drizzle-kit finds no change that the migration of ${page} lacks`, async () => {
    const { stdout } = await run("npm", ["run", "db:generate"], { cwd: tree });
    expect(stdout).toContain("No schema changes");
  });

  test(`the requests of ${page} get the responses that it shows`, async () => {
    const variables = { DATABASE_URL: database.url, AUTH_SECRET: SECRET };
    const { url } = launchServer("node", variables, tree);
    const outcomes = await runCommands(requests, { "http://127.0.0.1:8080": await url });
    expect(outcomes.length).toBeGreaterThan(1);
    for (const [at, request] of requests.entries()) expectAsShown(request, outcomes[at] as Outcome);
  });

  test(`${page} and CONTRIBUTING.md say how many files its steps touch`, () => {
    const touched = new Set(steps.flatMap(filesOf));
    expect(textOf(page).match(/touches (\d+)\s+files/)?.[1]).toBe(`${touched.size}`);
    const [, stated] =
      textOf("CONTRIBUTING.md").match(new RegExp(`\\(${page}\\)[^()]*?(\\d+)\\s+files`)) ?? [];
    expect(stated).toBe(`${touched.size}`);
  });
});

const isRequest = ({ language, text }: Block) => language === "sh" && text.includes("127.0.0.1");

/** The files that a step changes or adds. */
const filesOf = ({ text, file }: Block): string[] =>
  file ? [file] : [...text.matchAll(/^\+\+\+ b\/(.*)$/gm)].map(([, path = ""]) => path);

/** Copies the files that git tracks or would add. @returns the folder of the copy */
async function copyTree(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "octavo-tree-"));
  atEnd(() => rm(folder, { recursive: true }));
  const { stdout } = await run("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
  const files = stdout.split("\0").filter((file) => file !== "" && existsSync(file));
  for (const file of files) await cp(file, join(folder, file));
  await symlink(resolve("node_modules"), join(folder, "node_modules"));
  return folder;
}

/** Carries out one block in a tree: applies a diff, adds a file, or runs shell commands. */
async function carryOut({ place, language, file, text }: Block, tree: string, url: string): Promise<void> {
  const numbers = (await readdir(join(tree, "drizzle"))).flatMap((name) => name.match(/^\d{4}/) ?? []);
  const content = text.replaceAll("NNNN", `${numbers.sort().at(-1)}`);
  if (file) {
    await mkdir(dirname(join(tree, file)), { recursive: true });
    return writeFile(join(tree, file), content);
  }
  const { PATH, HOME, NODE_COMPILE_CACHE } = process.env;
  const env = { PATH, HOME, NODE_COMPILE_CACHE, DATABASE_URL: url, CLOUDFLARE_CF_FETCH_ENABLED: "false" };
  if (language === "diff") await writeFile(join(tree, "step.diff"), content);
  const script = language === "diff" ? "git apply step.diff && rm step.diff" : `set -e\n${content}`;
  await run("sh", ["-c", script], { cwd: tree, env }).catch(({ stdout, stderr }) => {
    throw new Error(`The block at ${place} fails. Bring the page up to date.\n${stderr}${stdout}`);
  });
}
