/** Cells to members. Each member is validated by the schema of the API. */
import { writable } from "../books/book.ts";
import { refusalOf, repairIsbn } from "../books/isbn-repair.ts";
import { faultsOf, NO_MESSAGE } from "../http/validate.ts";
import { isUnreadable } from "./encoding.ts";
import { type ColumnStyle, type Reading, readDate, readInteger, readPages, readPrice } from "./numbers.ts";
import { fitCover, fitDescription } from "./repairs.ts";
import type { Member, NamedColumn, Repair, RowFault } from "./rows.ts";
import { formatOf, languageOf } from "./vocabulary.ts";

/** A valid value with what was repaired, or faults. */
export interface Cell {
  value?: unknown;
  faults?: RowFault[];
  repair?: Repair | undefined;
}

/** Members whose cells repeat throughout a catalogue, so that most cells need no second reading. */
const REPETITIVE: ReadonlySet<Member> = new Set<Member>([
  "price",
  "stock",
  "publisher",
  "published",
  "language",
  "format",
  "pages",
  "subjects",
]);
const MAX_REMEMBERED = 10_000;
const MAX_REMEMBERED_LENGTH = 60;

/** A copy: a cell is a slice of the piece of the file that it came in, and would keep all of it alive. */
const detached = (text: string) => ` ${text}`.slice(1);

/** An empty cell is null. What cannot be null is then missing. */
const EMPTY: Partial<Record<Member, Cell>> = { subjects: { value: [] } };
for (const member of ["title", "author", "price", "stock"] as const)
  EMPTY[member] = { faults: [{ path: member, code: "required", message: "is required" }] };

export class Column {
  readonly index: number;
  readonly member: Member;
  readonly #style: ColumnStyle;
  readonly #read = new Map<string, Cell>();

  constructor(index: number, member: Member, style: ColumnStyle) {
    this.index = index;
    this.member = member;
    this.#style = style;
  }

  read(text: string): Cell {
    const known = this.#read.get(text);
    if (known) return known;
    if (!REPETITIVE.has(this.member) || text.length > MAX_REMEMBERED_LENGTH) return this.#readAnew(text);
    if (this.#read.size === MAX_REMEMBERED) this.#read.clear();
    const copy = detached(text);
    const cell = this.#readAnew(copy);
    this.#read.set(copy, cell);
    return cell;
  }

  #readAnew(text: string): Cell {
    const trimmed = text.trim();
    if (trimmed === "") return EMPTY[this.member] ?? { value: null };
    // A line break at the end of a list says that it is one.
    return this.#check(this.member === "subjects" ? text : trimmed);
  }

  #check(text: string): Cell {
    const reading = readCell(this.member, text, this.#style);
    const path = this.member;
    if (!("value" in reading)) return { faults: [{ path, ...reading }] };
    const { value, repair } = reading;
    const result = writable[this.member].safeParse(value, NO_MESSAGE);
    if (result.success) return { value: result.data, repair };
    if (isUnreadable(text)) return { faults: [{ path, ...NOT_UTF8 }] };
    const faults = [...faultsOf("body", value, result)];
    return {
      faults: faults.map((fault) => ({ ...fault, path: fault.path ? `${path}.${fault.path}` : path })),
    };
  }
}

const NOT_UTF8 = { code: "invalid_format", message: "must not contain bytes that are not UTF-8" } as const;

/** As catalogues of first publications have it. */
const BEFORE_CHRIST = /^-\d{1,4}(\.0)?$/;

function readCell(member: Member, text: string, style: ColumnStyle): Reading<unknown> & { repair?: Repair } {
  switch (member) {
    case "price":
      return readPrice(text, style);
    case "stock":
      return readInteger(text);
    case "pages":
      return readPages(text);
    case "published":
      return BEFORE_CHRIST.test(text) ? { value: null, repair: "year_left_out" } : readDate(text, style);
    case "language":
      return { value: languageOf(text) };
    case "format": {
      const format = formatOf(text);
      return format ? { value: format } : { value: "other", repair: "format_other" };
    }
    case "subjects":
      return { value: subjectsOf(text) };
    case "description":
      return fitDescription(text);
    case "cover_url":
      return fitCover(text);
    default:
      return { value: text };
  }
}

/** Several subjects in a cell, as bookshops and our export separate them. */
function subjectsOf(text: string): string[] {
  const separator = ["\n", "|", ";"].find((mark) => text.includes(mark)) ?? "\n";
  return text
    .split(separator)
    .map((subject) => subject.trim())
    .filter(Boolean);
}

export interface IsbnReading {
  isbn?: string;
  repairs: readonly Repair[];
  fault?: RowFault;
}

const MISSING: IsbnReading = {
  repairs: [],
  fault: { path: "isbn", code: "required", message: "is required" },
};

/** Reads the ISBN from the best of its columns: as it was written rather than repaired, then the first. */
export function readIsbn(cells: string[], columns: NamedColumn[]): IsbnReading {
  const written = columns.map(({ index }) => cells[index] ?? "").filter((text) => text.trim() !== "");
  const [first] = written;
  if (first === undefined) return MISSING;
  const found = written.map(repairIsbn);
  const good = found.filter((reading) => reading !== undefined);
  const exact = good.filter(({ repairs }) => !repairs.some(isRisky));
  const best = exact[0] ?? good[0];
  if (!best) return { repairs: [], fault: { path: "isbn", code: "invalid_isbn", message: refusalOf(first) } };
  const other = exact.find(({ isbn }) => isbn !== best.isbn);
  if (other) {
    const message = `must be the same in all columns, not ${best.isbn} and ${other.isbn}`;
    return { repairs: [], fault: { path: "isbn", code: "invalid_isbn", message } };
  }
  return found[0] === best ? best : { isbn: best.isbn, repairs: [...best.repairs, "isbn_other_column"] };
}

const isRisky = (repair: Repair) => repair === "isbn_leading_zeros" || repair === "isbn_sbn";
