/** Part of `npm run build`: compiles the client to dist/client, a package without dependencies that is ready to publish. */
import { execFileSync } from "node:child_process";
import { cpSync, rmSync, writeFileSync } from "node:fs";
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
cpSync(join(root, "src/client/README.md"), join(output, "README.md"));
cpSync(join(root, "LICENSE"), join(output, "LICENSE"));
writeFileSync(join(output, "package.json"), `${JSON.stringify(manifest(), null, 2)}\n`);

function manifest() {
  const { name, version, license, type, engines } = octavo;
  const client = { types: "./index.d.ts", default: "./index.js" };
  // npm's provenance requires the repository that GitHub builds from.
  const { GITHUB_REPOSITORY } = process.env;
  return {
    name,
    version,
    description: "The typed client of Octavo, a bookstore catalogue and stock API",
    keywords: ["octavo", "bookstore", "api-client"],
    license,
    ...(GITHUB_REPOSITORY && {
      repository: { type: "git", url: `git+https://github.com/${GITHUB_REPOSITORY}.git` },
    }),
    type,
    sideEffects: false,
    exports: { ".": client, "./client": client, "./package.json": "./package.json" },
    engines,
    publishConfig: { access: "public" },
  };
}
