/** The package that a front end installs, as npm packs it. `test/docs/client.test.ts` runs programs that use it. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { beforeAll, expect, test } from "vitest";
import { atEnd } from "../support/end.ts";

const MODULES = [
  "changes",
  "cors",
  "errors",
  "export",
  "file-types",
  "import",
  "index",
  "lines",
  "position",
  "problem-types",
  "send",
  "stock-types",
  "types",
];

interface Packed {
  name: string;
  size: number;
  filename: string;
  files: { path: string }[];
}

let tarball: string;
let packed: Packed;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "octavo-pack-"));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  const { stdout } = await promisify(execFile)("npm", [
    ...["pack", "./dist/client", "--json"],
    ...["--pack-destination", folder],
  ]);
  [packed] = JSON.parse(stdout) as [Packed];
  tarball = join(folder, packed.filename);
});

test("the package has no dependencies and contains only its modules and their types", async () => {
  expect(packed.name).toBe("octavo");
  expect(packed.size).toBeLessThan(18_500);
  const modules = MODULES.flatMap((module) => [`${module}.d.ts`, `${module}.js`]);
  const wanted = ["LICENSE", "README.md", "package.json", ...modules];
  expect(packed.files.map(({ path }) => path).sort()).toEqual(wanted.sort());
  for (const module of MODULES) {
    const text = await readFile(join("dist/client", `${module}.js`), "utf8");
    for (const [, from] of text.matchAll(/^(?:import|export) .*?from "(.+)";$/gms))
      expect(from).toMatch(/^\.\//);
  }
});

test("publint finds nothing", async () => {
  const { messages, pkg } = await publint({ pkgDir: "dist/client", strict: true, pack: "npm" });
  expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
});

test("every import finds its types, in Node and in bundlers", async () => {
  // The checker's other profiles demand CommonJS files, and paths for resolvers without `exports`.
  const checker = ["node_modules/@arethetypeswrong/cli/dist/index.js", "--profile", "esm-only"];
  const report = await promisify(execFile)(process.execPath, [...checker, "--format", "ascii", tarball]).then(
    () => "",
    ({ stdout }) => stdout,
  );
  expect(report).toBe("");
});

test("the README of the package shows a program that docs/client.md runs", async () => {
  const [readme, page] = await Promise.all([
    readFile("dist/client/README.md", "utf8"),
    readFile("docs/client.md", "utf8"),
  ]);
  const programs = [...readme.matchAll(/^```ts\n.*?^```$/gms)].map(([program]) => program);
  expect(programs).not.toEqual([]);
  for (const program of programs) expect(page).toContain(program);
});

test.each(["octavo", "octavo/client"])("the repository exports the client as %s", async (name) => {
  const require = createRequire(import.meta.url);
  expect(require.resolve(name)).toBe(join(process.cwd(), "dist/client/index.js"));
});

test("npm pack in the repository says how to pack the client, and leaves nothing behind", async () => {
  const pack = promisify(execFile)("npm", ["pack"]);
  await expect(pack).rejects.toMatchObject({ stdout: expect.stringContaining("npm run pack:client") });
  expect((await readdir(".")).filter((name) => name.endsWith(".tgz"))).toEqual([]);
});
