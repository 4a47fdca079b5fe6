/** The package that a front end installs. `test/docs/client.test.ts` runs programs that use it. */
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, test } from "vitest";

test("the package has no dependencies and contains only its modules and their types", async () => {
  const packed = execFileSync("npm", ["pack", "--dry-run", "--json"], {
    cwd: "dist/client",
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
    const text = await readFile(join("dist/client", `${module}.js`), "utf8");
    for (const [, from] of text.matchAll(/^(?:import|export) .* from "(.+)";$/gm))
      expect(from).toMatch(/^\.\//);
  }
});

test("the repository exports the same client under the same name", () => {
  const require = createRequire(import.meta.url);
  expect(require.resolve("octavo/client")).toBe(join(process.cwd(), "dist/client/index.js"));
});
