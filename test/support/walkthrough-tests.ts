/** The walk-throughs of the documentation. Each has a file of tests, so that they run at the same time. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { loadSample } from "../../dev/sample.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";
import { type Block, blocksOf, textOf } from "./markdown.ts";
import { launchServer } from "./servers.ts";
import { expectAsShown, type Outcome, runCommands } from "./shell.ts";
import { SECRET } from "./token.ts";
import { carryOut, copyTree } from "./walkthrough.ts";

/** Steps run tests, which start databases and servers of their own. */
const STEPS_TIMEOUT_MS = 400_000;

const run = promisify(execFile);

/** Tests of a walk-through of the documentation, carried out on a copy of the tree with the blocks of its page. */
export function testWalkthrough(page: string): void {
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
}

const isRequest = ({ language, text }: Block) => language === "sh" && text.includes("127.0.0.1");

/** The files that a step changes or adds. */
const filesOf = ({ text, file }: Block): string[] =>
  file ? [file] : [...text.matchAll(/^\+\+\+ b\/(.*)$/gm)].map(([, path = ""]) => path);
