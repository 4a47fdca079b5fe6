/** The parsers read the same on workerd, Node and Bun, and need no modules of Node. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { beforeAll, expect, test } from "vitest";
import { atEnd } from "../support/end.ts";
import { readings } from "./readings.ts";

const run = promisify(execFile);

let directory: string;
let bundled: string;
let expected: unknown[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "octavo-catalogue-"));
  atEnd(() => rm(directory, { recursive: true, force: true }));
  bundled = join(directory, "readings.js");
  await build({
    entryPoints: [join(import.meta.dirname, "readings.ts")],
    outfile: bundled,
    bundle: true,
    format: "esm",
    conditions: ["workerd", "worker", "browser"],
    // Papa Parse loads it for streams of Node alone.
    external: ["stream"],
  });
  expected = JSON.parse(JSON.stringify(await readings()));
});

test("Bun reads what Node reads", async () => {
  const script = join(directory, "bun.js");
  await writeFile(
    script,
    'import { readings } from "./readings.js"; console.log(JSON.stringify(await readings()));',
  );
  const { stdout } = await run("node_modules/.bin/bun", ["--no-install", script], { maxBuffer: 10_000_000 });
  expect(JSON.parse(stdout)).toEqual(expected);
});

test("workerd reads what Node reads", async () => {
  const path = join(directory, "worker.js");
  await writeFile(
    path,
    'import { readings } from "./readings.js"; export default { fetch: async () => Response.json(await readings()) };',
  );
  const worker = new Miniflare(
    convertV4MiniflareOptions({
      name: "catalogue",
      modules: [
        { type: "ESModule", path },
        { type: "ESModule", path: bundled },
      ],
      modulesRoot: directory,
      compatibilityDate: "2026-10-01",
      cf: false,
    }),
  );
  atEnd(() => worker.dispose());
  const response = await worker.dispatchFetch("http://127.0.0.1/");
  expect(await response.json()).toEqual(expected);
});
