/** The command at the top of compose.yaml, which people copy. */
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

test("the command of compose.yaml creates the secrets of its services once, readable only by their user", async () => {
  const yaml = await readFile("compose.yaml", "utf8");
  const [, command = ""] = yaml.match(/^# {3}(.*openssl.*)$/m) ?? [];
  const cwd = await mkdtemp(join(tmpdir(), "octavo-compose-"));
  onTestFinished(() => rm(cwd, { recursive: true }));
  const file = join(cwd, ".env");

  execFileSync("sh", ["-c", command], { cwd });
  const first = await readFile(file, "utf8");
  execFileSync("sh", ["-c", command], { cwd });

  expect(await readFile(file, "utf8")).toBe(first);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const variables = new Map(
    first
      .trim()
      .split("\n")
      .map((line) => line.split("=") as [string, string]),
  );
  for (const [, name = ""] of yaml.matchAll(/\$\{(\w+):\?/g))
    expect([name, variables.get(name)]).toEqual([name, expect.stringMatching(/^[\da-f]{64}$/)]);
  expect(new Set(variables.values()).size).toBe(variables.size);
});
