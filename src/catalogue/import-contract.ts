/** What the API promises about imports. */
import * as z from "zod";
import { MAX_STOCK } from "../books/book.ts";
import { books } from "../books/contract.ts";
import { priceParameter } from "../books/listing.ts";
import { fail, trueOrFalse, wholeNumber } from "../http/fields.ts";
import { route, stream } from "../http/route.ts";
import type { ImportPolicy } from "./importer.ts";
import { CATALOGUE_TYPES, type CatalogueFormat, type ReadOptions } from "./readers.ts";
import { MEMBERS, type Member } from "./rows.ts";

/** Names of members, separated by commas. */
const memberList = () =>
  z.string().transform((list, context): Member[] => {
    const names = list.split(",").map((name) => name.trim());
    const unknown = names.find((name) => !MEMBERS.includes(name as Member));
    if (unknown !== undefined) return fail(context, "invalid_format", `must be of ${MEMBERS.join(", ")}`);
    return names as Member[];
  });

/** Columns and what they hold: `EAN=isbn,Titel=title`. */
const columnMap = () =>
  z.string().transform((list, context) => {
    const pairs = list
      .split(",")
      .map((pair) => [pair.slice(0, pair.lastIndexOf("=")), pair.slice(pair.lastIndexOf("=") + 1)]);
    const isGood = pairs.every(
      ([column, member = ""]) => column?.trim() && ["", "isbn", ...MEMBERS].includes(member.trim()),
    );
    if (!isGood)
      return fail(
        context,
        "invalid_format",
        `must be Column=member, with members of isbn, ${MEMBERS.join(", ")}`,
      );
    return Object.fromEntries(pairs.map(([column = "", member = ""]) => [column.trim(), member.trim()]));
  });

export const importQuery = z.strictObject({
  dry_run: trueOrFalse()
    .optional()
    .meta({ description: "Reports what an import would do, and changes nothing." }),
  on_error: z.enum(["skip", "stop"]).optional().meta({
    description:
      "What a refused row means: `skip` imports the others, which is the default; `stop` imports nothing of its batch, nor what follows.",
  }),
  skip_rows: wholeNumber({ min: 0, max: 1_000_000_000 })
    .optional()
    .meta({ description: "Goes on after so many rows: `rows` of the last progress line." }),
  only: memberList()
    .optional()
    .meta({
      description: "Imports these members alone, separated by commas, and adds no books.",
      examples: ["price,stock"],
    }),
  default_price: priceParameter().optional().meta({ description: "The price of new books that have none." }),
  map: columnMap()
    .optional()
    .meta({
      description:
        "CSV: what columns hold, as `Column=member`, separated by commas. Without a member, the column is ignored.",
      examples: ["Art.-Nr.=isbn,VK netto="],
    }),
  decimal: z
    .enum([".", ","])
    .optional()
    .meta({ description: "CSV: the decimal mark of prices, if the file does not show it." }),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, "must be a currency code, such as EUR")
    .optional()
    .meta({ description: "ONIX: the currency of the prices to import." }),
  stock_if_available: wholeNumber({ min: 0, max: MAX_STOCK })
    .optional()
    .meta({ description: "ONIX: the stock of products that are available. Of others it is 0." }),
  no_delete: trueOrFalse().optional().meta({
    description: "ONIX: keeps withdrawn books, and sets their stock to 0.",
  }),
});

export type ImportQuery = z.output<typeof importQuery>;

/** Parameters that only one format has. */
export const PARAMETERS_OF: Record<CatalogueFormat, readonly (keyof ImportQuery)[]> = {
  csv: ["map", "decimal"],
  ndjson: [],
  onix: ["currency", "stock_if_available", "no_delete"],
};

export const importBooks = (maxBytes: number) =>
  route({
    ...books,
    method: "post",
    path: "/api/v1/books/import",
    name: "importBooks",
    summary: "Import books from a file",
    role: "editor",
    keyed: false,
    query: importQuery,
    body: stream({ types: Object.values(CATALOGUE_TYPES).flat(), maxBytes, gzip: true }),
    success: {
      200: {
        description:
          'A report, as a stream of lines: `{ "row", "isbn", "details" }` for each refused row, `{ "rows", "created", "updated", "unchanged", "deleted", "refused" }` after each batch, and at the end a summary, which also has `duplicates`, `repairs`, `refused_omitted`, `stopped` and `dry_run`; or a problem.',
        types: ["application/x-ndjson"],
      },
    },
    problems: [],
  });

/** @param actor who imports; undefined for the command */
export function policyOf(query: ImportQuery, actor?: string): ImportPolicy {
  const { dry_run = false, on_error = "skip", no_delete = false, skip_rows = 0, default_price, only } = query;
  return {
    dryRun: dry_run,
    onError: on_error,
    noDelete: no_delete,
    skipRows: skip_rows,
    defaultPrice: default_price,
    only,
    actor,
  };
}

export function readOptionsOf({
  map,
  decimal,
  currency,
  stock_if_available,
  only,
}: ImportQuery): ReadOptions {
  return { map, decimal, currency, stockIfAvailable: stock_if_available, only };
}

/** The parameters of a query that are for other formats. */
export function unsuitableIn(
  query: ImportQuery,
  format: CatalogueFormat,
): { name: string; format: string }[] {
  return Object.entries(PARAMETERS_OF).flatMap(([owner, names]) =>
    owner === format
      ? []
      : names.filter((name) => query[name] !== undefined).map((name) => ({ name, format: owner })),
  );
}
