/** Part of `npm run check`: bundles the Worker as for a deployment, and checks its size. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { wrangler, wranglerFlags } from "../ops/wrangler.ts";

const LIMIT_KIB = 230;
const OUTPUT = fileURLToPath(new URL("../dist/worker/", import.meta.url));

const { file, environment } = wrangler();
execFileSync(process.execPath, [file, "deploy", "--dry-run", ...wranglerFlags(), "--outdir", OUTPUT], {
  env: environment,
  stdio: ["ignore", "ignore", "inherit"],
});
const kib = gzipSync(readFileSync(join(OUTPUT, "worker.js")), { level: 9 }).byteLength / 1024;
console.log(`The gzipped Worker has ${kib.toFixed(1)} KiB; the limit is ${LIMIT_KIB} KiB.`);
if (kib > LIMIT_KIB) process.exitCode = 1;
