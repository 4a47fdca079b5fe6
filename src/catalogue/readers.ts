/** The formats of catalogues that can be imported, and how each is read. */
import { type CsvOptions, readCsv } from "./csv.ts";
import { readNdjson } from "./ndjson.ts";
import { type OnixOptions, readOnix } from "./onix.ts";
import type { RowBatches } from "./rows.ts";

/** The media types of each format. */
export const CATALOGUE_TYPES = {
  csv: ["text/csv"],
  ndjson: ["application/x-ndjson"],
  onix: ["application/onix+xml", "application/xml", "text/xml"],
} as const;

export type CatalogueFormat = keyof typeof CATALOGUE_TYPES;
export const CATALOGUE_FORMATS = Object.keys(CATALOGUE_TYPES) as CatalogueFormat[];

/** The options of all formats; each reads its own. */
export type ReadOptions = CsvOptions & OnixOptions;

export const READERS: Record<
  CatalogueFormat,
  (source: AsyncIterable<Uint8Array>, options: ReadOptions) => RowBatches
> = { csv: readCsv, ndjson: readNdjson, onix: readOnix };
