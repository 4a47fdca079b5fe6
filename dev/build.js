/**
 * Part of `npm run build`: bundles the servers and the commands for production into dist/, and copies the migrations and
 * the files of /docs there. Unbundled, Drizzle alone would dominate the start-up time and memory of a server. This file is
 * JavaScript because `npm start` runs it on the installed Node, which may not run TypeScript.
 */
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const esbuild = await import("esbuild").catch(() => undefined);
if (esbuild) {
  await build(esbuild);
  await Promise.all([copyDocs(), copyMigrations()]);
} else if (!existsSync(`${root}dist/node.js`)) {
  console.error(
    "Octavo is not built, and esbuild is not installed: run npm ci with the development dependencies, then npm run build.",
  );
  process.exitCode = 1;
}

/** @param {import("esbuild")} esbuild */
async function build({ build }) {
  const { metafile } = await build({
    absWorkingDir: root,
    // Servers without DATABASE_URL load embedded.js, which needs the development dependencies.
    entryPoints: [
      "src/runtimes/node.ts",
      "src/runtimes/bun.ts",
      "ops/migrate.ts",
      "ops/token.ts",
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
    metafile: true,
    logLevel: "warning",
  });
  const written = Object.keys(metafile.outputs).map((path) => basename(path));
  for (const name of await readdir(`${root}dist`)) {
    if (name.endsWith(".js") && !written.includes(name)) await rm(`${root}dist/${name}`);
  }
}

async function copyMigrations() {
  await rm(`${root}dist/drizzle`, { recursive: true, force: true });
  await cp(`${root}drizzle`, `${root}dist/drizzle`, {
    recursive: true,
    filter: (path) => !path.endsWith("_snapshot.json"),
  });
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
  await mkdir(`${root}dist/docs`, { recursive: true });
  await cp(`${root}src/docs`, `${root}dist/docs`, { recursive: true });
  for (const name of names) await cp(`${swagger}/${name}`, `${root}dist/docs/${name}`);
}
