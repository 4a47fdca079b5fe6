/** The setup of the tests, in a copy of the code in which a step fails. */
import { execFile } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
/** Entries that are large, or that the setup creates. */
const LEFT_OUT = ["node_modules", ".git", ".data", "dist", "bench"];
let place: string;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "octavo-setup-"));
  await chmod(place, 0o755);
});
afterAll(() => rm(place, { recursive: true, force: true }));

test.each([
  ["while Postgres starts", "dev/client.ts", 'throw new Error("this step fails");'],
  [
    "on Postgres",
    "ops/migrations.ts",
    'export const migrate = () => Promise.reject(new Error("this step fails")); export const limitStatements = migrate;',
  ],
])("a setup that fails %s leaves no server and no file", { timeout: 60_000 }, async (name, step, failing) => {
  const checkout = join(place, name);
  const temporary = join(checkout, "tmp");
  await cp(root, checkout, { recursive: true, filter: (path) => !LEFT_OUT.includes(relative(root, path)) });
  await symlink(join(root, "node_modules"), join(checkout, "node_modules"));
  await mkdir(temporary);
  await writeFile(join(checkout, step), failing);
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const failed = run(process.execPath, [vitest, "run", "--project", "service"], {
    cwd: checkout,
    env: { ...process.env, TMPDIR: temporary },
  });
  await expect(failed).rejects.toMatchObject({ stderr: expect.stringContaining("this step fails") });
  expect(await readdir(temporary)).toEqual([]);
  const { stdout: processes } = await run("ps", ["-A", "-ww", "-o", "args="]);
  expect(processes.split("\n").filter((line) => line.includes(temporary))).toEqual([]);
});
