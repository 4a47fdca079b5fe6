/** Whole catalogues over HTTP. */
import type { Api } from "../http/api.ts";
import type { HandlerContext } from "../http/handler.ts";
import { type ValidationError, validationFailed } from "../http/problem.ts";
import { type ExportQuery, exportBooks, fileOptionsOf, selectionOf } from "./contract.ts";
import { exportParts, streamOf } from "./export.ts";
import { FILE_FORMATS, FILE_TYPES, type FileFormat, fileWriter } from "./export-format.ts";
import { StreamSlots } from "./stream-slots.ts";

export function catalogueRoutes(api: Api): void {
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
