/** Part of `npm run build`: compiles the client to dist/client, a package without dependencies. */
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import octavo from "../package.json" with { type: "json" };

const root = fileURLToPath(new URL("..", import.meta.url));
const output = join(root, "dist/client");
const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));

rmSync(output, { recursive: true, force: true });
execFileSync(process.execPath, [join(typescript, "bin/tsc"), "-p", "src/client"], {
  cwd: root,
  stdio: "inherit",
});
const { name, version, license, type } = octavo;
const exports = { "./client": { types: "./index.d.ts", default: "./index.js" } };
writeFileSync(
  join(output, "package.json"),
  `${JSON.stringify({ name, version, license, type, exports, sideEffects: false }, null, 2)}\n`,
);
