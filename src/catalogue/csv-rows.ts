/** Records to rows. */
import { Column, readIsbn } from "./csv-columns.ts";
import { type Delimiter, isBlank, type Records, recordText } from "./csv-records.ts";
import type { ColumnStyle } from "./numbers.ts";
import {
  type BookRow,
  crossFaults,
  type NamedColumn,
  type ORIGIN,
  type Origin,
  originFaults,
  type Repair,
  type Row,
  type RowFault,
} from "./rows.ts";

interface Shape {
  delimiter: Delimiter;
  headers: string[];
  columns: NamedColumn[];
  origin: [name: (typeof ORIGIN)[number], index: number][];
  style: ColumnStyle;
}

const NO_REPAIRS: readonly Repair[] = [];

export class RowReader {
  readonly #shape: Shape;
  readonly #isbns: NamedColumn[];
  readonly #columns: Column[];
  #row = 0;

  constructor(shape: Shape) {
    this.#shape = shape;
    this.#isbns = shape.columns.filter(({ member }) => member === "isbn");
    this.#columns = shape.columns.flatMap(({ index, member }) =>
      member === "isbn" ? [] : [new Column(index, member, shape.style)],
    );
  }

  /** @param from the first record that is not the header */
  read({ cells: records, lines, faults }: Records, from = 0): Row[] {
    const rows: Row[] = [];
    for (let at = from; at < records.length; at++) {
      const cells = records[at] ?? [];
      const fault = faults.get(at);
      if (!fault && isBlank(cells)) continue;
      this.#row++;
      const line = lines[at] ?? 0;
      rows.push(fault ? this.#refused(line, cells, undefined, [fault]) : this.#rowOf(line, cells));
    }
    return rows;
  }

  #rowOf(line: number, cells: string[]): Row {
    const { isbn, repairs: isbnRepairs, fault } = readIsbn(cells, this.#isbns);
    const raggedness = this.#raggedness(cells);
    if (raggedness) return this.#refused(line, cells, isbn, [raggedness]);
    if (!isbn && this.#isHeader(cells)) return this.#refused(line, cells, isbn, [REPEATED_HEADER]);
    const book: Record<string, unknown> = {};
    const details = fault ? [fault] : [];
    let repairs = isbnRepairs;
    for (const column of this.#columns) {
      const { value, faults, repair } = column.read(cells[column.index] ?? "");
      if (faults) details.push(...faults);
      else book[column.member] = value;
      if (repair) repairs = [...repairs, repair];
    }
    // Each member has passed its schema, so that the whole is what an update of a book may hold.
    const valid = book as BookRow["book"];
    const origin = this.#originOf(cells);
    if (origin) details.push(...originFaults(origin));
    if (details.length === 0) details.push(...crossFaults(valid));
    if (isbn === undefined || details.length > 0) return this.#refused(line, cells, isbn, details);
    return {
      kind: "book",
      row: this.#row,
      line,
      isbn,
      origin,
      book: valid,
      repairs: repairs.length > 0 ? repairs : NO_REPAIRS,
      source: () => recordText(cells, this.#shape.delimiter),
    };
  }

  #originOf(cells: string[]): Origin | undefined {
    const { origin } = this.#shape;
    if (origin.length === 0) return undefined;
    const given = origin.map(([name, index]) => [name, cells[index]?.trim()] as const);
    return Object.fromEntries(given.filter(([, value]) => value));
  }

  /** Spreadsheets write empty cells after the last column; they mean nothing. */
  #raggedness(cells: string[]): RowFault | undefined {
    const width = this.#shape.headers.length;
    if (cells.length === width) return undefined;
    if (cells.length > width && isBlank(cells.slice(width))) return undefined;
    const message = `has ${cells.length} cells, and the header has ${width}`;
    return { path: "", code: "invalid_format", message };
  }

  #isHeader(cells: string[]): boolean {
    return cells.every((cell, at) => cell.trim() === this.#shape.headers[at]?.trim());
  }

  #refused(line: number, cells: string[], isbn: string | undefined, details: RowFault[]): Row {
    const isKept = details[0]?.path !== "" || details[0].code !== "too_long";
    const source = isKept ? recordText(cells, this.#shape.delimiter) : undefined;
    return { kind: "refused", row: this.#row, line, isbn, details, source };
  }
}

const REPEATED_HEADER: RowFault = { path: "", code: "invalid_format", message: "repeats the header" };
