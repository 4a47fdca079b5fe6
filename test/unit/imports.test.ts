/** The layers of the code: imports point one way, and go in no circle, types included. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";

/** The layers, from the top. A file imports from its own layer and from those below. */
const LAYERS = [
  /^dev\//,
  /^ops\//,
  /^src\/(runtimes\/|worker(-hyperdrive)?\.ts)/,
  /^src\/(app|(server-)?config|misspellings)\.ts/,
  // Every other folder is a feature.
  /^src\/(?!http|db|client|runtimes|docs)\w+\//,
  /^src\/http\//,
  /^src\/db\//,
  /^src\/(deadline|manifest|startup-error)\.ts/,
];

/** Layers that no other may import, whatever their place. */
const APART = /^src\/client\//;

/** Without DATABASE_URL a command of `ops/` loads the embedded database, if it is installed. */
const DYNAMIC: [string, string][] = [["ops/database.ts", "dev/cli.ts"]];

const files = ["src", "ops", "dev"]
  .flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  )
  .filter((file) => /\.(tsx?|js)$/.test(file) && !file.startsWith("src/docs/"));

/** The files that each file imports, statically, dynamically or for types. */
const imports = new Map(files.map((file) => [file, importsOf(file)]));

function importsOf(file: string): string[] {
  const found = readFileSync(file, "utf8").matchAll(/(?:from |import\(|^import )"(\.[^"]+\.[jt]sx?)"/gm);
  return Array.from(found, ([, path = ""]) => normalize(join(dirname(file), path)));
}

const edges = [...imports].flatMap(([file, found]) => found.map((imported) => [file, imported] as const));
const layerOf = (file: string) => LAYERS.findIndex((layer) => layer.test(file));

test("every import is of a known file, and every file has a layer", () => {
  expect(edges.filter(([, imported]) => !imports.has(imported))).toEqual([]);
  expect(files.filter((file) => layerOf(file) < 0 && !APART.test(file))).toEqual([]);
  expect(edges.length).toBeGreaterThan(100);
});

test("imports point down: dev, ops, runtimes, app, features, http, db", () => {
  const upward = edges.filter(([file, imported]) => {
    if (APART.test(file) || APART.test(imported)) return APART.test(file) !== APART.test(imported);
    return layerOf(imported) < layerOf(file);
  });
  expect(upward).toEqual(DYNAMIC);
});

test("no imports go in a circle", () => {
  const circle = new Set<string>();
  const visit = (file: string, path: string[]) => {
    if (path.includes(file)) for (const member of path.slice(path.indexOf(file))) circle.add(member);
    else if (!done.has(file))
      for (const imported of imports.get(file) ?? []) visit(imported, [...path, file]);
    done.add(file);
  };
  const done = new Set<string>();
  for (const file of files) visit(file, []);
  expect([...circle].sort()).toEqual([]);
});
