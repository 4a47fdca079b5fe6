/** The formats of exported files. */
import type * as z from "zod";
import { Book } from "../books/book.ts";
import { keysOf } from "../http/fields.ts";
import { harmlessCell, quotedCell } from "./csv-cells.ts";

export const FILE_FORMATS = ["csv", "ndjson"] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

export const FILE_TYPES: Record<FileFormat, string> = {
  csv: "text/csv; charset=utf-8",
  ndjson: "application/x-ndjson",
};

export interface FileOptions {
  /** With the members that differ between two catalogues of the same books: `id`, `created_at` and `updated_at`. */
  withIds: boolean;
  /** CSV: begins with a byte order mark, and has ISBNs that Excel leaves as they are. */
  excel: boolean;
  /** CSV: no cell begins as a formula does. */
  escapeFormulas: boolean;
}

/** Writes a file. */
export interface FileWriter {
  /** What the file begins with. */
  head: string;
  /** A part of the file, from books as the database has them: JSON objects. */
  write(books: string[]): string;
}

export function fileWriter(format: FileFormat, options: FileOptions): FileWriter {
  return format === "csv" ? csvWriter(options) : ndjsonWriter(options);
}

function ndjsonWriter({ withIds }: FileOptions): FileWriter {
  const line = withIds ? (book: string) => book : withoutIds;
  return { head: "", write: (books) => books.map((book) => `${line(book)}\n`).join("") };
}

/** Cuts the first member, and the last two, off the text: within a string, quotes are escaped. */
function withoutIds(book: string): string {
  return `{${book.slice(book.indexOf('"title":'), book.lastIndexOf(',"created_at":'))}}`;
}

const DIFFERING = ["id", "created_at", "updated_at"];
const BYTE_ORDER_MARK = "\ufeff";

/** CSV by RFC 4180. Its columns are the members, in the order of the JSON. */
function csvWriter({ withIds, excel, escapeFormulas }: FileOptions): FileWriter {
  const columns = keysOf(Book.shape).filter((name) => withIds || !DIFFERING.includes(name));
  const harmless = escapeFormulas ? harmlessCell : (text: string) => text;
  const cellOf = (name: string, value: unknown): string => {
    if (typeof value === "number") return `${value}`;
    if (Array.isArray(value)) return quotedCell(harmless(subjectsCell(value)));
    if (typeof value !== "string") return "";
    return name === "isbn" && excel ? quotedCell(`="${value}"`) : quotedCell(harmless(value));
  };
  const rowOf = (book: z.output<typeof Book>) =>
    `${columns.map((name) => cellOf(name, book[name])).join()}\r\n`;
  return {
    head: `${excel ? BYTE_ORDER_MARK : ""}${columns.join()}\r\n`,
    write: (books) => books.map((book) => rowOf(JSON.parse(book))).join(""),
  };
}

/**
 * Subjects in one cell, separated by `|`, or by line breaks if one of them has a `|`. A separator at the end of the cell says
 * that a single subject is not a list, although it has a mark that separates lists.
 */
function subjectsCell(subjects: string[]): string {
  const lines = subjects.map((subject) => subject.replaceAll(/\s*[\r\n]\s*/g, " "));
  const separator = lines.some((line) => line.includes("|")) ? "\n" : "|";
  const isAmbiguous = lines.length === 1 && /[|;]/.test(`${lines[0]}`);
  return lines.join(separator) + (isAmbiguous ? separator : "");
}
