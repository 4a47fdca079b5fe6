/** NDJSON: a book a line, with the members of the API. */
import { BookChanges } from "../books/book.ts";
import { refusalOf, repairIsbn } from "../books/isbn-repair.ts";
import { faultsOf, NO_MESSAGE } from "../http/validate.ts";
import { decoded, isUnreadable } from "./encoding.ts";
import { fitted, picked } from "./repairs.ts";
import {
  crossFaults,
  type FileHeader,
  MAX_ROW_LENGTH,
  type Member,
  ORIGIN,
  type Origin,
  originFaults,
  type Repair,
  type Row,
  type RowBatches,
  type RowFault,
  tooLong,
} from "./rows.ts";

export interface NdjsonOptions {
  /** Reads these members alone; others are ignored, unknown ones too. */
  only?: readonly Member[] | undefined;
  /** Reads the ids and times of an export that has them, for new books. */
  withIds?: boolean | undefined;
  /** Is called before the first row. */
  onHeader?: ((header: FileHeader) => void) | undefined;
}

export async function* readNdjson(
  source: AsyncIterable<Uint8Array>,
  options: NdjsonOptions = {},
): RowBatches {
  options.onHeader?.({ format: "ndjson" });
  const reader = new LineReader(options);
  for await (const text of decoded(source, "ndjson")) yield reader.read(text);
  yield reader.read("\n");
}

class LineReader {
  readonly #options: NdjsonOptions;
  #rest = "";
  /** Set while the beginning of a line that is too long has been dropped. */
  #isCut = false;
  #row = 0;
  #line = 0;

  constructor(options: NdjsonOptions) {
    this.#options = options;
  }

  read(text: string): Row[] {
    const lines = text.split("\n");
    lines[0] = this.#rest + lines[0];
    this.#rest = lines.pop() ?? "";
    const rows: Row[] = [];
    for (const line of lines) {
      this.#line++;
      if (!this.#isCut && line.trim() === "") continue;
      this.#row++;
      const at = { row: this.#row, line: this.#line };
      if (this.#isCut || line.length > MAX_ROW_LENGTH) {
        this.#isCut = false;
        rows.push({
          kind: "refused",
          ...at,
          isbn: undefined,
          details: [tooLong("a line")],
          source: undefined,
        });
      } else {
        rows.push(rowOf(line, at, this.#options));
      }
    }
    if (this.#rest.length > MAX_ROW_LENGTH) {
      this.#rest = "";
      this.#isCut = true;
    }
    return rows;
  }
}

const whole = (code: RowFault["code"], message: string): RowFault => ({ path: "", code, message });

function rowOf(source: string, at: Pick<Row, "row" | "line">, { only, withIds }: NdjsonOptions): Row {
  const line = source.replace(/\r$/, "");
  const refused = (details: RowFault[], isbn?: string): Row => ({
    kind: "refused",
    ...at,
    isbn,
    details,
    source: line,
  });
  if (isUnreadable(source)) return refused([whole("invalid_format", "must be UTF-8")]);
  const parsed = parse(source);
  if (parsed === undefined) return refused([whole("invalid_format", "must be JSON")]);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    return refused([whole("invalid_type", "must be a JSON object")]);
  // A file of refused rows says why each was refused.
  const { isbn: written, refused: _, ...given } = parsed as Record<string, unknown>;
  const { isbn, repairs: isbnRepairs, faults } = isbnOf(written);
  const { members, repairs } = fitted(picked(given, only));
  const result = BookChanges.safeParse(members, NO_MESSAGE);
  const origin = withIds ? (picked(given, ORIGIN) as Origin) : undefined;
  const details = [...faults, ...faultsOf("body", members, result), ...originFaults(origin ?? {})];
  if (!result.success || isbn === undefined || details.length > 0) return refused(details, isbn);
  const conflicts = crossFaults(result.data);
  if (conflicts.length > 0) return refused(conflicts, isbn);
  return {
    kind: "book",
    ...at,
    isbn,
    origin,
    book: result.data,
    repairs: [...isbnRepairs, ...repairs],
    source: () => line,
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface IsbnOf {
  isbn?: string;
  repairs: readonly Repair[];
  faults: RowFault[];
}

function isbnOf(written: unknown): IsbnOf {
  const fault = (code: RowFault["code"], message: string): IsbnOf => ({
    repairs: [],
    faults: [{ path: "isbn", code, message }],
  });
  if (written === undefined) return fault("required", "is required");
  if (typeof written !== "string") return fault("invalid_type", "must be a string");
  const found = repairIsbn(written);
  return found ? { ...found, faults: [] } : fault("invalid_isbn", refusalOf(written));
}
