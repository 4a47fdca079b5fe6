/**
 * `npm run import -- FILE…`, or `node dist/import.js FILE…`: imports catalogues into the database of DATABASE_URL or, in a
 * checkout, into the embedded one. `-` is standard input. The options are those of `POST /api/v1/books/import`.
 *
 * Exit codes: 0 if all rows are imported, 1 if the import failed or stopped, 2 if rows were refused, 130 after Ctrl-C.
 */
import { policyOf } from "../src/catalogue/import-contract.ts";
import type { ImportPolicy, Summary } from "../src/catalogue/importer.ts";
import { connectOver, direct } from "../src/db/connection.ts";
import { pooledDriver } from "../src/db/pool.ts";
import type { Connect } from "../src/db/ports.ts";
import { StartupError } from "../src/startup-error.ts";
import { command } from "./command.ts";
import { withDatabase } from "./database.ts";
import { FileImport } from "./file-import.ts";
import { type ImportOptions, readOptions } from "./import-options.ts";

/** Milliseconds for a batch. It may wait for the locks of others. */
const BATCH_TIME = 60_000;
const REFUSED = 2;
/** The exit code of a command that SIGINT ended: 128 and the signal's number. */
const INTERRUPTED = 130;

await command(async () => {
  const options = readOptions(process.argv.slice(2));
  await withDatabase((url) => run(url, options));
});
// Standard input may still be open.
process.exit();

async function run(url: string, options: ImportOptions): Promise<void> {
  if (!URL.canParse(url)) throw new StartupError("DATABASE_URL is not a URL.");
  const controller = new AbortController();
  const stop = () => {
    // The second time, the process ends at once.
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
    process.stderr.write("\nStopping after this batch. Press Ctrl-C again to stop at once.\n");
    controller.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);
  const driver = pooledDriver({ url, size: 1, timeout: BATCH_TIME });
  try {
    await importAll(options, connectOver(direct(driver)), new URL(url).host, controller.signal);
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
    await driver.end();
  }
}

async function importAll(
  options: ImportOptions,
  connect: Connect,
  host: string,
  signal: AbortSignal,
): Promise<void> {
  const importEach = async (policy: ImportPolicy, isRehearsal: boolean) => {
    const summaries: Summary[] = [];
    for (const file of options.files) {
      const one = new FileImport(file, options, { policy, isRehearsal, host });
      const summary = await one.run(() => connect(BATCH_TIME), signal);
      if (!summary) break;
      summaries.push(summary);
      if (summary.stopped) break;
    }
    return summaries;
  };
  const policy = policyOf(options.query);
  if (options.allOrNothing) {
    const checked = await importEach({ ...policy, dryRun: true }, true);
    if (signal.aborted) {
      process.exitCode = INTERRUPTED;
      return;
    }
    if (checked.some(({ refused }) => refused > 0))
      throw new StartupError("Nothing was imported, because rows were refused.");
    if (policy.dryRun) return;
  }
  const strict: ImportPolicy = options.allOrNothing ? { ...policy, onError: "stop" } : policy;
  const summaries = await importEach(strict, false);
  if (signal.aborted) process.exitCode = INTERRUPTED;
  else if (summaries.some(({ stopped }) => stopped)) process.exitCode = 1;
  else if (summaries.some(({ refused }) => refused > 0)) process.exitCode = REFUSED;
}
