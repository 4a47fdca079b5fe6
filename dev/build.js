/**
 * Part of `npm run build`: bundles the servers and the commands for production into dist/, and puts the migrations and the
 * files of pages and of /docs there. Unbundled, Drizzle alone would dominate the start-up time and memory of a server. This file is
 * JavaScript because `npm start` runs it on the installed Node, which may not run TypeScript.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const esbuild = await import("esbuild").catch(() => undefined);
if (esbuild) {
  await build(esbuild);
  await Promise.all([buildPageFiles(esbuild), writeDocuments(esbuild), copyDocs(), copyMigrations()]);
} else if (!existsSync(`${root}dist/node.js`)) {
  console.error(
    "Octavo is not built, and esbuild is not installed: run npm ci with the development dependencies, then npm run build.",
  );
  process.exitCode = 1;
}

/** @param {import("esbuild")} esbuild */
async function build({ build }) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    // main.js is `npm run dev`. Servers without DATABASE_URL load embedded.js. Both need the development dependencies.
    entryPoints: [
      "dev/main.ts",
      "src/runtimes/node.ts",
      "src/runtimes/bun.ts",
      "ops/migrate.ts",
      "ops/export.ts",
      "ops/import.ts",
      "ops/token.ts",
      "ops/doctor.ts",
      "ops/deploy.ts",
      "dev/embedded.ts",
    ],
    entryNames: "[name]",
    outdir: "dist",
    bundle: true,
    // Keeps the code of the embedded database in a separate file, which is loaded only if needed.
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    external: ["pg-native"],
    // pg is CommonJS and loads Node's modules by require.
    banner: {
      js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
    },
    write: false,
    logLevel: "warning",
  });
  const files = new Map(outputFiles.map(({ path, contents }) => [basename(path), contents]));
  await writeFiles(`${root}dist`, files);
  for (const name of await readdir(`${root}dist`)) {
    if (name.endsWith(".js") && !files.has(name)) await rm(`${root}dist/${name}`, { force: true });
  }
}

async function copyMigrations() {
  const migrations = await filesIn(`${root}drizzle`);
  await replaceFiles(`${root}dist/drizzle`, await contentsOf(migrations));
  await replaceFiles(`${root}dist/drizzle/meta`, await contentsOf([`${root}drizzle/meta/_journal.json`]));
}

/**
 * Makes what pages load: their style, their script and their icon.
 *
 * @param {import("esbuild")} esbuild
 */
async function buildPageFiles({ build }) {
  const { outputFiles } = await build({
    entryPoints: [
      ...["page.css", "page.ts", "icon.svg"].map((name) => `${root}src/pages/browser/${name}`),
      ...["staff.css", "staff.ts"].map((name) => `${root}src/staff/browser/${name}`),
    ],
    entryNames: "[name]",
    outdir: `${root}dist/assets/pages`,
    loader: { ".svg": "copy" },
    assetNames: "[name]",
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "warning",
  });
  const files = outputFiles.map(({ path, contents }) => [basename(path), contents]);
  await replaceFiles(`${root}dist/assets/pages`, new Map(files));
}

/**
 * Writes the OpenAPI documents by a bundle that is imported from memory.
 *
 * @param {import("esbuild")} esbuild
 */
async function writeDocuments({ build }) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ["dev/documents.ts"],
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    write: false,
    logLevel: "warning",
  });
  const code = Buffer.from(outputFiles[0].contents).toString("base64");
  const { writeDocuments } = await import(`data:text/javascript;base64,${code}`);
  /** @type {Map<string, string>} */
  const texts = await writeDocuments();
  const files = Array.from(texts, ([name, text]) => /** @type {const} */ ([name, Buffer.from(text)]));
  await replaceFiles(`${root}dist/assets/openapi`, new Map(files));
}

/** Copies the page, and the files that it needs from Swagger UI with their licence. */
async function copyDocs() {
  const swagger = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  const names = [
    "swagger-ui-bundle.js",
    "swagger-ui.css",
    "swagger-ui-bundle.js.LICENSE.txt",
    "LICENSE",
    "NOTICE",
  ];
  const page = await filesIn(`${root}src/docs`);
  const files = await contentsOf([...page, ...names.map((name) => `${swagger}/${name}`)]);
  await replaceFiles(`${root}dist/assets/docs`, files);
}

/** @param {string} folder */
async function filesIn(folder) {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => `${folder}/${name}`);
}

/**
 * Reads files, by their names.
 *
 * @param {string[]} files
 */
async function contentsOf(files) {
  return new Map(
    await Promise.all(
      files.map(async (file) => /** @type {const} */ ([basename(file), await readFile(file)])),
    ),
  );
}

/**
 * Writes files into a folder. Each is replaced at once, because a running server may read it, or another build run.
 *
 * @param {string} folder
 * @param {Map<string, Uint8Array>} files
 */
async function writeFiles(folder, files) {
  await mkdir(folder, { recursive: true });
  for (const [name, contents] of files) {
    const copy = `${folder}/.${name}.${process.pid}`;
    await writeFile(copy, contents);
    await rename(copy, `${folder}/${name}`);
  }
}

/**
 * Makes a folder contain these files and no others.
 *
 * @param {string} folder
 * @param {Map<string, Uint8Array>} files
 */
async function replaceFiles(folder, files) {
  await writeFiles(folder, files);
  for (const file of await filesIn(folder)) {
    const name = basename(file);
    if (!files.has(name) && !name.startsWith(".")) await rm(file, { force: true });
  }
}
