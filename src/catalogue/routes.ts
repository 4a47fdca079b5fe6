/** Whole catalogues over HTTP. */
import { UnavailableFault } from "../db/faults.ts";
import type { Api } from "../http/api.ts";
import type { HandlerContext } from "../http/handler.ts";
import { Problem, type ValidationError, validationFailed } from "../http/problem.ts";
import { type ExportQuery, exportBooks, fileOptionsOf, selectionOf } from "./contract.ts";
import { exportParts, streamOf } from "./export.ts";
import { FILE_FORMATS, FILE_TYPES, type FileFormat, fileWriter } from "./export-format.ts";
import { type ImportQuery, importBooks, policyOf, readOptionsOf, unsuitableIn } from "./import-contract.ts";
import { ImportReport } from "./import-report.ts";
import { type ImportEvent, importRows, type Summary } from "./importer.ts";
import { CATALOGUE_FORMATS, CATALOGUE_TYPES, type CatalogueFormat, READERS } from "./readers.ts";
import { CatalogueError } from "./rows.ts";
import { StreamSlots } from "./stream-slots.ts";

export function catalogueRoutes(api: Api, { importMaxBytes }: { importMaxBytes: number }): void {
  const slots = new StreamSlots();

  api.on(exportBooks, async ({ query }, context) => {
    const format = formatOf(query, context);
    slots.take(context.signal);
    const parts = exportParts(
      () => context.database,
      selectionOf(query),
      fileWriter(format, fileOptionsOf(query)),
    );
    // The first page is read before the response begins, so that most failures still have a status.
    const first = await parts.next();
    return {
      status: 200 as const,
      body: streamOf(first.value?.bytes ?? new Uint8Array(), parts),
      headers: {
        "Content-Type": FILE_TYPES[format],
        "Content-Disposition": `attachment; filename="books.${format}"`,
      },
      gzip: true as const,
    };
  });

  api.on(importBooks(importMaxBytes), async ({ query, body }, context) => {
    const format = importFormat(context, query);
    slots.take(context.signal, context.actor);
    const report = importReport(query, body, format, context);
    await report.started();
    return {
      status: 200 as const,
      body: report.stream(),
      headers: { "Content-Type": "application/x-ndjson" },
    };
  });
}

/** What imports a file. Each step has the time that a request has. */
function importReport(
  query: ImportQuery,
  body: ReadableStream<Uint8Array>,
  format: CatalogueFormat,
  context: HandlerContext,
): ImportReport {
  const connect = () => {
    context.restartDeadline();
    return context.database;
  };
  const rows = READERS[format](chunksOf(body), readOptionsOf(query));
  const events = withProblems(importRows(rows, connect, policyOf(query, context.actor)));
  return new ImportReport(events, {
    signal: context.signal,
    isDryRun: query.dry_run === true,
    note: (rows) => context.note({ import_rows: rows }),
  });
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

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = body.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    reader.cancel().catch(() => {});
  }
}

function importFormat({ mediaType }: HandlerContext, query: ImportQuery): CatalogueFormat {
  const format = CATALOGUE_FORMATS.find((name) =>
    (CATALOGUE_TYPES[name] as readonly string[]).includes(mediaType),
  ) as CatalogueFormat;
  const errors = unsuitableIn(query, format).map(
    ({ name, format }): ValidationError => ({
      in: "query",
      path: name,
      code: "invalid_format",
      message: `is for ${format} only`,
    }),
  );
  if (errors.length > 0) throw validationFailed(errors);
  return format;
}

/** The format that the query asks for, or else the one that the client prefers. */
function formatOf(query: ExportQuery, context: HandlerContext): FileFormat {
  const types = FILE_FORMATS.map((format) => FILE_TYPES[format]);
  const preferred = query.format ? FILE_TYPES[query.format] : context.preferred(types);
  const format = FILE_FORMATS.find((format) => FILE_TYPES[format] === preferred);
  if (!format) {
    const message = "must allow text/csv or application/x-ndjson, unless the query has a format";
    throw validationFailed([{ in: "header", path: "Accept", code: "invalid_format", message }]);
  }
  const unsuitable = (["excel", "escape_formulas"] as const).filter(
    (name) => format !== "csv" && query[name] !== undefined,
  );
  const errors = unsuitable.map(
    (path): ValidationError => ({ in: "query", path, code: "invalid_format", message: "is for csv only" }),
  );
  if (errors.length > 0) throw validationFailed(errors);
  return format;
}
