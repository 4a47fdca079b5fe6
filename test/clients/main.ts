/**
 * `npm run check:clients [-- NAME…]`: makes a client with each generator, compiles it, and uses it against a server. Tools
 * are installed at their first use, and skipped if the machine lacks their language.
 */
import { checkTool, type Result, STEPS } from "./check.ts";
import { installNpmTools, NPM_TOOLS } from "./npm-tools.ts";
import { OPENAPI_GENERATOR } from "./openapi-generator.ts";
import { OTHER_TOOLS } from "./other-tools.ts";
import { startServer } from "./server.ts";
import type { Tool } from "./tool.ts";

const TOOLS: readonly Tool[] = [...NPM_TOOLS, ...OPENAPI_GENERATOR, ...OTHER_TOOLS];

const names = process.argv.slice(2);
const unknown = names.filter((name) => !TOOLS.some((tool) => tool.name === name));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(", ")}. There are ${TOOLS.map(({ name }) => name).join(", ")}.`);
  process.exit(1);
}
const selected = TOOLS.filter(({ name }) => names.length === 0 || names.includes(name));

console.log("Installing the tools from npm.");
await installNpmTools();
console.log("Starting a server.");
const server = await startServer();
const results: Result[] = [];
try {
  for (const [at, tool] of selected.entries()) {
    const started = performance.now();
    const result = await checkTool(tool, server.url);
    results.push(result);
    const outcome = result.skipped ?? (result.failure ? "failed" : "good");
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`[${at + 1}/${selected.length}] ${tool.name}: ${outcome} (${seconds} s)`);
    if (result.failure) console.log(result.failure.replaceAll(/^/gm, "    "));
  }
} finally {
  await server.stop();
}

const widest = Math.max(...results.map(({ tool }) => tool.length));
console.log(`\n| ${"tool".padEnd(widest)} | ${STEPS.join(" | ")} |`);
console.log(`|${"-".repeat(widest + 2)}|${STEPS.map((step) => "-".repeat(step.length + 2)).join("|")}|`);
for (const { tool, skipped, passed } of results) {
  const cells = STEPS.map((step) =>
    (passed.includes(step) ? "yes" : skipped ? "" : "no").padEnd(step.length),
  );
  console.log(`| ${tool.padEnd(widest)} | ${cells.join(" | ")} |${skipped ? ` ${skipped}` : ""}`);
}
const failed = results.filter(({ failure }) => failure);
console.log(`\n${results.length - failed.length} of ${results.length} are good or skipped.`);
if (failed.length > 0) process.exitCode = 1;
