/** Versions in package.json that have to agree. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

const packageAt = async (path: string) => JSON.parse(await readFile(path, "utf8"));

test("the tests run the Worker in the version of Miniflare that wrangler requires", async () => {
  const { devDependencies } = await packageAt("package.json");
  const { dependencies } = await packageAt("node_modules/wrangler/package.json");
  expect(devDependencies.miniflare).toBe(dependencies.miniflare);
});
