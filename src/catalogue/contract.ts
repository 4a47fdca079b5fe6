/** What the API promises about whole catalogues. */
import * as z from "zod";
import { books } from "../books/contract.ts";
import { type BookFilters, checkBounds, filters, SORTS, type Sort } from "../books/listing.ts";
import { trueOrFalse } from "../http/fields.ts";
import { route } from "../http/route.ts";
import { FILE_FORMATS, FILE_TYPES, type FileOptions } from "./export-format.ts";

const { format: bookFormat, ...otherFilters } = filters;

export const exportQuery = z
  .strictObject({
    ...otherFilters,
    book_format: bookFormat.meta({
      description: "The format of the books: what `format` is in the listing. Case is ignored.",
    }),
    sort: z.enum(SORTS).optional().meta({
      description:
        "The sort order; a leading `-` means descending. The default, of searches too, is by id: the oldest first.",
    }),
    format: z
      .enum(FILE_FORMATS)
      .optional()
      .meta({ description: "The format of the file, if `Accept` does not say it. The default is `csv`." }),
    with_ids: trueOrFalse().optional().meta({ description: "Adds `id`, `created_at` and `updated_at`." }),
    excel: trueOrFalse().optional().meta({
      description:
        'CSV for Excel: with a byte order mark, ISBNs as text (`="978…"`), and without formulas unless `escape_formulas=false`.',
    }),
    escape_formulas: trueOrFalse()
      .optional()
      .meta({ description: "CSV: puts `'` before text that a spreadsheet would run as a formula." }),
  })
  .superRefine(checkBounds as (query: object, context: z.RefinementCtx) => void, { when: () => true });

export type ExportQuery = z.output<typeof exportQuery>;

export const exportBooks = route({
  ...books,
  method: "get",
  path: "/api/v1/books/export",
  name: "exportBooks",
  summary: "Export all books that match, as a file",
  role: "clerk",
  query: exportQuery,
  success: {
    200: {
      description:
        "The file, as a stream. If it fails, NDJSON ends with a problem on a line of its own, and CSV with a broken connection.",
      types: Object.values(FILE_TYPES),
      headers: ["Content-Disposition"],
    },
  },
  problems: [],
});

/** Which books to export, and in which order; by id unless given. */
export type Selection = BookFilters & { sort?: Sort | undefined };

export function selectionOf({ format: _, book_format, ...query }: ExportQuery): Selection {
  return { ...query, format: book_format };
}

/** What the file has. */
export function fileOptionsOf({
  with_ids = false,
  excel = false,
  escape_formulas = excel,
}: ExportQuery): FileOptions {
  return { withIds: with_ids, excel, escapeFormulas: escape_formulas };
}
