/** Text to records: Papa Parse finds the cells; this file feeds it piece by piece and bounds what it holds. */
import Papa from "papaparse";
import { MAX_ROW_LENGTH, type RowFault, tooLong } from "./rows.ts";

export const DELIMITERS = [",", ";", "\t"] as const;

export type Delimiter = (typeof DELIMITERS)[number];

export interface Records {
  cells: string[][];
  /** The line where each record begins. */
  lines: number[];
  /** Faults of a record as such, by its index in `cells`. */
  faults: Map<number, RowFault>;
}

/** `Papa.parse` takes a whole string or a stream of Node. Its parser takes pieces, and says where the last record began. */
interface Parsed {
  data: string[][];
  errors: { code: string; row: number }[];
  meta: { cursor: number };
}

const UNCLOSED: RowFault = {
  path: "",
  code: "invalid_format",
  message: "has a quotation mark that is never closed",
};
const MISPLACED: RowFault = {
  path: "",
  code: "invalid_format",
  message: "has a quotation mark within a quoted cell: double it",
};

export class RecordReader {
  readonly #delimiter: Delimiter;
  readonly #newline: string;
  readonly #parser: Papa.Parser;
  #rest = "";
  #line: number;
  /** Set while the beginning of a record that is too long has been dropped. */
  #isCut = false;

  /** @param line the number of the first line that will be read */
  constructor(delimiter: Delimiter, newline: "\n" | "\r", line = 1) {
    this.#delimiter = delimiter;
    this.#newline = newline;
    this.#parser = new Papa.Parser({ delimiter, newline });
    this.#line = line;
  }

  read(text: string): Records {
    this.#rest += text;
    // No record ends here, and to read its beginning once more would take quadratic time.
    if (!text.includes(this.#newline) && this.#rest.length <= MAX_ROW_LENGTH) return NO_RECORDS;
    const parsed: Parsed = this.#parser.parse(this.#rest, 0, true);
    const hasQuotes = this.#rest.includes('"');
    const records = this.#recordsOf(parsed, hasQuotes);
    this.#rest = this.#rest.slice(parsed.meta.cursor);
    if (this.#isCut || this.#rest.length > MAX_ROW_LENGTH) this.#cut();
    return records;
  }

  /** The last record, if no line break follows it. */
  end(): Records {
    const parsed: Parsed = this.#rest === "" ? NOTHING : this.#parser.parse(this.#rest, 0, false);
    return this.#recordsOf(parsed, true);
  }

  #recordsOf({ data, errors }: Parsed, hasQuotes: boolean): Records {
    const faults = new Map<number, RowFault>();
    for (const { row, code } of errors) {
      // Of a record whose end has not arrived, nothing is certain.
      if (row < data.length) faults.set(row, code === "MissingQuotes" ? UNCLOSED : MISPLACED);
    }
    const first = data[0];
    if (first && (this.#isCut || isTooLong(first))) {
      faults.set(0, tooLong("a line"));
      this.#isCut = false;
    }
    const lines = data.map((cells) => {
      const line = this.#line;
      this.#line += hasQuotes ? linesOf(cells) : 1;
      return line;
    });
    return { cells: data, lines, faults };
  }

  /** Replaces a record that is too long by a short one that ends at the same place, so that memory stays flat. */
  #cut(): void {
    this.#isCut = true;
    let end = this.#rest.length;
    const earliest = end - MAX_TAIL;
    // Marks and spaces at the end keep their meaning only together with what follows.
    while (end > earliest && /["\s]/.test(this.#rest[end - 1] ?? "")) end--;
    const head = this.#rest.slice(0, end);
    const { errors }: Parsed = this.#parser.parse(head, 0, false);
    const isQuoted = errors.some(({ code }) => code === "MissingQuotes");
    this.#line += head.split("\n").length - 1;
    this.#rest =
      (isQuoted ? '"x' : head.endsWith(this.#delimiter) ? `x${this.#delimiter}` : "x") +
      this.#rest.slice(end);
  }
}

const NOTHING: Parsed = { data: [], errors: [], meta: { cursor: 0 } };
const NO_RECORDS: Records = { cells: [], lines: [], faults: new Map() };
const MAX_TAIL = 1024;

const isTooLong = (cells: string[]) =>
  cells.reduce((length, cell) => length + cell.length + 1, 0) > MAX_ROW_LENGTH;

function linesOf(cells: string[]): number {
  let lines = 1;
  for (const cell of cells)
    for (let at = cell.indexOf("\n"); at >= 0; at = cell.indexOf("\n", at + 1)) lines++;
  return lines;
}

export const isBlank = (cells: string[]) => cells.every((cell) => cell.trim() === "");

/** A record as RFC 4180 writes it. */
export const recordText = (cells: string[], delimiter: string) =>
  cells
    .map((cell) => cell.replace(/\r$/, ""))
    .map((cell) =>
      /["\r\n]/.test(cell) || cell.includes(delimiter) ? `"${cell.replaceAll('"', '""')}"` : cell,
    )
    .join(delimiter);
