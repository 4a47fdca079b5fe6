/** Whole catalogues over HTTP. */
import type { Api } from "../http/api.ts";
import type { HandlerContext } from "../http/handler.ts";
import { type ValidationError, validationFailed } from "../http/problem.ts";
import { type ExportQuery, exportBooks, fileOptionsOf, selectionOf } from "./contract.ts";
import { FILE_FORMATS, FILE_TYPES, type FileFormat, fileWriter } from "./export-format.ts";
import { type ImportQuery, importBooks, unsuitableIn } from "./import-contract.ts";
import { CATALOGUE_FORMATS, CATALOGUE_TYPES, type CatalogueFormat } from "./readers.ts";
import { chunksOf, type Transfers } from "./transfers.ts";

interface Options {
  transfers: Transfers;
  importMaxBytes: number;
}

export function catalogueRoutes(api: Api, { transfers, importMaxBytes }: Options): void {
  api.on(exportBooks, async ({ query }, context) => {
    const format = formatOf(query, context);
    const body = await transfers.export(
      selectionOf(query),
      fileWriter(format, fileOptionsOf(query)),
      context,
    );
    return {
      status: 200 as const,
      body,
      headers: {
        "Content-Type": FILE_TYPES[format],
        "Content-Disposition": `attachment; filename="books.${format}"`,
      },
      gzip: true as const,
    };
  });

  api.on(importBooks(importMaxBytes), async ({ query, body }, context) => {
    const format = importFormat(context, query);
    const report = await transfers.import(query, chunksOf(body), format, context);
    return {
      status: 200 as const,
      body: report.stream(),
      headers: { "Content-Type": "application/x-ndjson" },
    };
  });
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
