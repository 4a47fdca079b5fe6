/** The client as a front end gets it: the package of dist/client, the README's examples, and their types, on each runtime. */
import { execFile, execFileSync } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestHarness } from "wrangler";
import { loadSample } from "../../dev/sample.ts";
import { createTestDatabase } from "../support/database.ts";
import { startWorker } from "../support/worker.ts";

/** The README's examples that use the client, and what each prints. */
const EXAMPLES = [
  ...(await readFile("README.md", "utf8")).matchAll(/```ts\n(.*?"octavo\/client".*?)```\n\n```\n(.*?)```/gs),
].map(([, code = "", output = ""]) => ({ code, output }));

/** A project that has installed the package. */
let directory: string;
let url: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "octavo-client-"));
  await cp("dist/client", join(directory, "node_modules", "octavo"), { recursive: true });
  await writeFile(join(directory, "package.json"), JSON.stringify({ type: "module" }));
  const database = await createTestDatabase();
  await loadSample(database.url);
  ({ url } = await startWorker(database, { OPEN_LOCAL_WRITES: "true" }));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test("has no dependency, and nothing beside its modules and their types", async () => {
  const packed = execFileSync("npm", ["pack", "--dry-run", "--json"], {
    cwd: join(directory, "node_modules", "octavo"),
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [{ name, size, files }] = JSON.parse(packed);
  expect(name).toBe("octavo");
  expect(size).toBeLessThan(10_000);
  const modules = ["errors", "index", "send", "types"];
  const wanted = ["package.json", ...modules.flatMap((module) => [`${module}.d.ts`, `${module}.js`])];
  expect(files.map(({ path }: { path: string }) => path).sort()).toEqual(wanted.sort());
  for (const module of modules) {
    const text = await readFile(join(directory, "node_modules", "octavo", `${module}.js`), "utf8");
    for (const [, from] of text.matchAll(/^(?:import|export) .* from "(.+)";$/gm))
      expect(from).toMatch(/^\.\//);
  }
});

test("this package gives the same client under the same name", () => {
  const require = createRequire(import.meta.url);
  expect(require.resolve("octavo/client")).toBe(join(process.cwd(), "dist/client/index.js"));
});

test("the README has examples", () => {
  expect(EXAMPLES).toHaveLength(2);
});

describe.each(EXAMPLES)("the README's example that prints $output", ({ code, output }) => {
  const program = () => code.replace("http://127.0.0.1:8787", url);

  test.each(["node", "bun"])("runs on %s", async (runtime) => {
    await writeFile(join(directory, "example.ts"), program());
    const { stdout } = await promisify(execFile)(runtime, ["example.ts"], { cwd: directory });
    expect(stdout).toBe(output);
  });

  test("runs in a Worker", async () => {
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

  test.each([
    ["nodenext", "nodenext"],
    ["preserve", "bundler"],
  ])("compiles with the package's types, for module %s", async (module, resolution) => {
    await writeFile(join(directory, "example.ts"), program());
    const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
    const flags = ["--ignoreConfig", "--noEmit", "--strict", "--target", "es2022", "--lib", "es2022,dom"];
    const modules = ["--types", "", "--module", module, "--moduleResolution", resolution];
    // The compiler prints what is wrong to standard output.
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(typescript, "bin/tsc"), ...flags, ...modules, "example.ts"],
      { cwd: directory },
    ).catch((failed: { stdout: string }) => failed);
    expect(stdout).toBe("");
  });
});
