/**
 * `npm run export -- FILE`, or `node dist/export.js FILE`: exports the books of DATABASE_URL or, in a checkout, of the embedded
 * database. `-` is standard output. The options are those of `GET /api/v1/books/export`.
 */
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createGzip } from "node:zlib";
import { estimateBooks } from "../src/books/store.ts";
import { fileOptionsOf, selectionOf } from "../src/catalogue/contract.ts";
import { exportParts, type Part } from "../src/catalogue/export.ts";
import { fileWriter } from "../src/catalogue/export-format.ts";
import { connectOver, direct } from "../src/db/connection.ts";
import { SetupFault, UnavailableFault } from "../src/db/faults.ts";
import { pooledDriver } from "../src/db/pool.ts";
import type { Connect } from "../src/db/ports.ts";
import { StartupError } from "../src/startup-error.ts";
import { command } from "./command.ts";
import { withDatabase } from "./database.ts";
import { type ExportOptions, readOptions } from "./export-options.ts";
import { type Progress, startProgress } from "./progress.ts";

/** Milliseconds for a page. A search of a large catalogue plans its words first. */
const PAGE_TIME = 60_000;
/** How long an interrupted command waits for its page. */
const LAST_MS = 500;
/** The exit code of a command that SIGINT ended: 128 and the signal's number. */
const INTERRUPTED = 130;

await command(async () => {
  const options = readOptions(process.argv.slice(2));
  await withDatabase((url) => run(url, options));
});
// The connection may still be waiting for a page.
if (process.exitCode === INTERRUPTED) process.exit();

async function run(url: string, options: ExportOptions): Promise<void> {
  if (!URL.canParse(url)) throw new StartupError("DATABASE_URL is not a URL.");
  const controller = new AbortController();
  const stop = () => controller.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  const driver = pooledDriver({ url, size: 1, timeout: PAGE_TIME });
  try {
    await exportTo(options, connectOver(direct(driver)), controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw sentenceOf(error, url);
    process.exitCode = INTERRUPTED;
    process.stderr.write("The export was interrupted. It left no file.\n");
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
    await Promise.race([driver.end(), controller.signal.aborted ? sleep(LAST_MS) : new Promise(() => {})]);
  }
}

/** Writes to FILE.part, which becomes FILE when it is complete. */
async function exportTo(
  { file, gzip, query }: ExportOptions,
  connect: Connect,
  signal: AbortSignal,
): Promise<void> {
  const selection = selectionOf(query);
  const progress = startProgress("books", await estimateBooks(connect(PAGE_TIME), selection));
  const writer = fileWriter(query.format ?? "csv", fileOptionsOf(query));
  const parts = counted(
    exportParts(() => connect(PAGE_TIME), selection, writer),
    progress,
    signal,
  );
  const draft = `${file}.part`;
  const target: Writable = file === "-" ? process.stdout : createWriteStream(draft);
  try {
    const source = Readable.from(parts, { objectMode: true, highWaterMark: 1 });
    // Standard output stays open: other code may write to it.
    const end = { signal, end: file !== "-" };
    await (gzip ? pipeline(source, createGzip(), target, end) : pipeline(source, target, end));
    if (file !== "-") await rename(draft, file);
    progress.end();
  } catch (error) {
    progress.abandon();
    if (file !== "-") await rm(draft, { force: true });
    throw error;
  }
}

/**
 * Reports each part that was written, while the database reads the next. An interruption does not wait for the page that is
 * being read.
 */
async function* counted(
  parts: AsyncGenerator<Part, undefined>,
  progress: Progress,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (let next = parts.next(); ; ) {
    const { done, value } = await unlessAborted(next, signal);
    if (done) return;
    next = parts.next();
    next.catch(() => {});
    yield value.bytes;
    progress.add(value.books);
  }
}

/** Rejects when the signal aborts. A race with one promise of the signal would keep every part in memory. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/** What went wrong, for the person who started the export. */
function sentenceOf(error: unknown, url: string): unknown {
  if (error instanceof UnavailableFault) {
    const { host } = new URL(url);
    return new StartupError(
      `The database at ${host} cannot be reached, or did not answer. The export left no file.`,
    );
  }
  if (error instanceof SetupFault) return new StartupError(error.message);
  const { code, message, syscall } = error as NodeJS.ErrnoException;
  if (code === "EPIPE") return new StartupError("The reader of the export has gone.");
  return syscall ? new StartupError(`The file cannot be written: ${message}.`) : error;
}
