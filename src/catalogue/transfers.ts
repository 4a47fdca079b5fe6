/** Imports and exports of whole catalogues: by the API, and from the pages for staff. */
import { UnavailableFault } from "../db/faults.ts";
import type { HandlerContext } from "../http/handler.ts";
import { Problem } from "../http/problem.ts";
import type { Selection } from "./contract.ts";
import { exportParts, streamOf } from "./export.ts";
import type { FileWriter } from "./export-format.ts";
import { type ImportQuery, policyOf, readOptionsOf } from "./import-contract.ts";
import { ImportReport } from "./import-report.ts";
import { type ImportEvent, importRows, type Summary } from "./importer.ts";
import { type CatalogueFormat, READERS } from "./readers.ts";
import { recognized } from "./recognition.ts";
import { CatalogueError } from "./rows.ts";
import { StreamSlots } from "./stream-slots.ts";

type Chunks = AsyncIterable<Uint8Array>;

/** All transfers of a process: they share its slots. */
export class Transfers {
  readonly #slots = new StreamSlots();

  /** The bytes of a file. The first page is read before, so that most failures still have a status. */
  async export(
    selection: Selection,
    writer: FileWriter,
    context: HandlerContext,
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    this.#slots.take(context.signal);
    const parts = exportParts(() => context.database, selection, writer);
    const first = await parts.next();
    return streamOf(first.value?.bytes ?? new Uint8Array(), parts);
  }

  /**
   * Imports a file, and returns the report once it has begun. Each step has the time that a request has.
   *
   * @param format found out from the beginning of the file unless given
   * @throws Problem `rate_limited`, and what is wrong with the file as a whole
   */
  async import(
    query: ImportQuery,
    chunks: Chunks,
    format: CatalogueFormat | undefined,
    context: HandlerContext,
  ): Promise<ImportReport> {
    this.#slots.take(context.signal, context.actor);
    const file = format ? { format, chunks } : await recognized(chunks);
    const connect = () => {
      context.restartDeadline();
      return context.database;
    };
    const rows = READERS[file.format](file.chunks, readOptionsOf(query));
    const events = withProblems(importRows(rows, connect, policyOf(query, context.actor)));
    const report = new ImportReport(events, {
      signal: context.signal,
      isDryRun: query.dry_run === true,
      note: (rows) => context.note({ import_rows: rows }),
    });
    await report.started();
    return report;
  }
}

/** Says in the API's words why an import cannot go on. */
async function* withProblems(
  events: AsyncGenerator<ImportEvent, Summary>,
): AsyncGenerator<ImportEvent, Summary> {
  try {
    return yield* events;
  } catch (error) {
    if (error instanceof CatalogueError) {
      const details = [{ in: "body", path: "", code: "invalid_format", message: error.message } as const];
      throw new Problem("validation_failed", error.message, { details });
    }
    if (error instanceof UnavailableFault) {
      const message =
        "The database cannot be reached or did not answer in time. The rows of the last progress line are imported; continue after them with skip_rows, or send the file again.";
      throw new Problem("database_unavailable", message, { headers: { "Retry-After": "1" }, cause: error });
    }
    throw error;
  }
}

/** The chunks of a body as they arrive. */
export async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = body.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    reader.cancel().catch(() => {});
  }
}
