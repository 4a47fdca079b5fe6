/**
 * `npm run test:fuzz [-- --cases 100000] [--seed N] [FILE…]`: the properties of parsers and codecs that the tests try with
 * some hundreds of inputs, with many.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { parseArgs } from "node:util";

const text = { type: "string" } as const;
const { values, positionals } = parseArgs({
  options: { cases: text, seed: text },
  allowPositionals: true,
});
const cases = Number(values.cases ?? 100_000);
if (!(Number.isInteger(cases) && cases > 0)) {
  console.error("--cases must be an integer above 0.");
  process.exit(2);
}
const vitest = join("node_modules", "vitest", "vitest.mjs");
const files = positionals.length > 0 ? positionals : ["properties"];
const child = spawn(process.execPath, [vitest, "run", ...files, "--testTimeout", "0"], {
  env: { ...process.env, FUZZ_RUNS: `${cases}`, ...(values.seed !== undefined && { SEED: values.seed }) },
  stdio: "inherit",
});
const [code] = await once(child, "close");
process.exitCode = code ?? 1;
