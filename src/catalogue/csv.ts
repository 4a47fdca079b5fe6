/** CSV as bookshops have it: any encoding, delimiter, order of columns and way to write numbers. */
import { repairIsbn } from "../books/isbn-repair.ts";
import { type ColumnMap, columnsOf, listed, memberNamed } from "./csv-headers.ts";
import { DELIMITERS, type Delimiter, isBlank, RecordReader, type Records } from "./csv-records.ts";
import { RowReader } from "./csv-rows.ts";
import { decoded } from "./encoding.ts";
import { type ColumnStyle, styleOf } from "./numbers.ts";
import {
  CatalogueError,
  type FileHeader,
  type Member,
  type NamedColumn,
  ORIGIN,
  type RowBatches,
} from "./rows.ts";

export interface CsvOptions {
  /** Which column holds what, where the header does not say it. */
  map?: ColumnMap | undefined;
  /** Reads these members alone; other columns are ignored. */
  only?: readonly Member[] | undefined;
  /** Reads the ids and times of an export that has them, for new books. */
  withIds?: boolean | undefined;
  /** The decimal mark of prices, for a file that does not show it. */
  decimal?: "." | "," | undefined;
  /** Is called before the first row. */
  onHeader?: ((header: FileHeader) => void) | undefined;
}

/** How much of the file decides its delimiter, and how its columns write numbers. */
const SAMPLE_LENGTH = 262_144;

/** @throws CatalogueError if the file has no header, or none that can be understood */
export async function* readCsv(source: AsyncIterable<Uint8Array>, options: CsvOptions = {}): RowBatches {
  const text = decoded(source, "csv");
  try {
    const layout = layOut(await startOf(text), options);
    const { columns, headers, delimiter } = layout;
    options.onHeader?.({ format: "csv", columns, headers, delimiter });
    const rows = new RowReader(layout);
    const { reader, records, header } = layout;
    yield rows.read(records, header + 1);
    for await (const piece of text) yield rows.read(reader.read(piece));
    yield rows.read(reader.end());
  } finally {
    // The consumer may stop before the loop that would close the source.
    await text.return();
  }
}

async function startOf(text: AsyncGenerator<string, void>): Promise<string> {
  let start = "";
  while (start.length < SAMPLE_LENGTH) {
    const { value, done } = await text.next();
    if (done) break;
    start += value;
  }
  if (start.trim() === "") throw new CatalogueError("The file is empty.");
  for (const [beginning, message] of OTHER_FILES)
    if (start.startsWith(beginning)) throw new CatalogueError(message);
  return start;
}

/** What people send instead of CSV, by its first bytes: as Windows-1252, because none of it is UTF-8. */
const OTHER_FILES = [
  ["PK\x03\x04", "The file is a spreadsheet or an archive: export it as CSV."],
  ["ÐÏ\x11à", "The file is a spreadsheet: export it as CSV."],
  ["\x1f‹", "The file is compressed with gzip, and was not announced so."],
] as const;

/** How the file is written, and the records of its beginning. */
interface Layout extends Beginning {
  columns: NamedColumn[];
  /** The names and indexes of the columns of an origin. */
  origin: [name: (typeof ORIGIN)[number], index: number][];
  style: ColumnStyle;
}

interface Beginning {
  delimiter: Delimiter;
  reader: RecordReader;
  records: Records;
  /** The index of the header among the records. */
  header: number;
  headers: string[];
}

function layOut(start: string, { map, only, decimal, withIds }: CsvOptions): Layout {
  const beginning = beginningOf(start, map);
  const { records, header, headers } = beginning;
  const all = columnsOf(headers, map);
  if (!all.some(({ member }) => member === "isbn")) throw new CatalogueError(withoutIsbn(headers));
  const columns = all.filter(({ member }) => member === "isbn" || !only || only.includes(member));
  const cellsOf = (name: Member) => {
    const index = columns.find(({ member }) => member === name)?.index;
    return index === undefined ? [] : records.cells.slice(header + 1).map((cells) => cells[index] ?? "");
  };
  const style = styleOf(cellsOf("price"), cellsOf("published"));
  const origin = ORIGIN.map(
    (name) =>
      [
        name,
        withIds ? headers.findIndex((header) => header.trim() === name) : -1,
      ] as Layout["origin"][number],
  );
  return {
    ...beginning,
    columns,
    origin: origin.filter(([, index]) => index >= 0),
    style: decimal ? { ...style, decimal } : style,
  };
}

/** Excel says in a line of its own what the delimiter is. */
const DELIMITER_LINE = /^sep=([,;\t])\r?\n/i;

/** Reads the beginning with the delimiter that makes most of the header: names of members, else cells. */
function beginningOf(start: string, map: ColumnMap | undefined): Beginning {
  const [line = "", declared] = start.match(DELIMITER_LINE) ?? [];
  const text = start.slice(line.length);
  const newline = text.includes("\n") || !text.includes("\r") ? "\n" : "\r";
  const candidates = DELIMITERS.filter((delimiter) => !declared || delimiter === declared).map(
    (delimiter) => {
      const reader = new RecordReader(delimiter, newline, line ? 2 : 1);
      let records = reader.read(text);
      if (records.cells.every(isBlank)) records = onlyRecord(reader, text);
      const header = records.cells.findIndex((cells) => !isBlank(cells));
      const headers = records.cells[header] ?? [];
      const named = headers.filter((name) => memberNamed(name) ?? map?.[name.trim()]).length;
      return { delimiter, reader, records, header, headers, named };
    },
  );
  const [best] = candidates.sort((a, b) => b.named - a.named || b.headers.length - a.headers.length);
  if (!best || best.header < 0) throw new CatalogueError("The file is empty.");
  return best;
}

/** The beginning has no line break: it is the whole file, or its header is too long. */
function onlyRecord(reader: RecordReader, text: string): Records {
  if (text.length >= SAMPLE_LENGTH) throw new CatalogueError("The header is longer than 256 KiB.");
  return reader.end();
}

function withoutIsbn(headers: string[]): string {
  const isbn = headers.map(repairIsbn).find((found) => found !== undefined)?.isbn;
  return isbn
    ? `The file has no header: its first line is that of the book ${isbn}. Put a line with the names of the columns above it.`
    : `No column is named like an ISBN. There are: ${listed(headers)}. Map the one that holds it.`;
}
