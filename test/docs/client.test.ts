/** The documentation's programs that use the client compile, and print the documented output on each runtime. */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { createTestHarness } from "wrangler";
import { loadSample } from "../../dev/sample.ts";
import { createTestDatabase } from "../support/database.ts";
import { blocksOf, PAGES } from "../support/markdown.ts";
import { createProject } from "../support/project.ts";
import { startWorker } from "../support/worker.ts";

const PROGRAMS = PAGES.flatMap(blocksOf).filter(({ language, file }) => language === "ts" && !file);

let directory: string;
let url: string;

beforeAll(async () => {
  directory = await createProject();
  const database = await createTestDatabase();
  await loadSample(database.url);
  ({ url } = await startWorker(database, { OPEN_LOCAL_WRITES: "true" }));
});

test("the README shows a program that uses the client", () => {
  expect(PROGRAMS.map(({ page }) => page)).toContain("README.md");
});

describe.each(PROGRAMS)("$place", ({ place, text, next }) => {
  const program = () => text.replace("http://127.0.0.1:8787", url);
  const output = next?.language === "" ? next.text : "no output shown";

  test.each(["node", "bun"])(`the program at ${place} runs on %s`, async (runtime) => {
    await writeFile(join(directory, "example.ts"), program());
    const { stdout } = await promisify(execFile)(runtime, ["example.ts"], { cwd: directory });
    expect(stdout).toBe(output);
  });

  test(`the program at ${place} runs in a Worker`, async () => {
    const [, imports, body] = program().match(/^((?:import [^\n]*\n)+)(.*)$/s) ?? [];
    const worker = `${imports}
      export default {
        async fetch() {
          let printed = "";
          const console = { log: (...values) => { printed += values.join(" ") + "\\n"; } };
          ${body}
          return new Response(printed);
        },
      };`;
    await writeFile(join(directory, "worker.js"), worker);
    const harness = createTestHarness({
      root: directory,
      workers: [{ config: { name: "shop", main: "worker.js", compatibility_date: "2026-10-01" } }],
    });
    try {
      await harness.listen();
      const response = await harness.fetch("/");
      expect(await response.text()).toBe(output);
    } finally {
      await harness.close();
    }
  });
});

test.each([
  ["nodenext", "nodenext"],
  ["preserve", "bundler"],
])("the programs compile with the package's types, for module %s", async (module, resolution) => {
  const files = PROGRAMS.map(({ place }) => `${place.replace(/\W+/g, "-")}.ts`);
  for (const [at, { text }] of PROGRAMS.entries()) await writeFile(join(directory, files[at] ?? ""), text);
  const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
  const flags = ["--ignoreConfig", "--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom"];
  const modules = ["--types", "", "--module", module, "--moduleResolution", resolution];
  // The compiler prints errors, with file and line, to standard output.
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(typescript, "bin/tsc"), ...flags, ...modules, ...files],
    { cwd: directory },
  ).catch((failed: { stdout: string }) => failed);
  expect(stdout).toBe("");
});
