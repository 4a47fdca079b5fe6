/** ONIX for Books 3.0 and 3.1, with reference tags or short tags. */
import { BookChanges } from "../books/book.ts";
import { refusalOf } from "../books/isbn-repair.ts";
import { faultsOf, NO_MESSAGE } from "../http/validate.ts";
import { decoded } from "./encoding.ts";
import { type OnixOptions as Choices, type Defaults, isbnOf, isbnsOf, membersOf } from "./onix-book.ts";
import { type Product, ProductReader } from "./onix-products.ts";
import { type Element, value } from "./onix-tags.ts";
import { fitted, picked } from "./repairs.ts";
import {
  CatalogueError,
  crossFaults,
  type FileHeader,
  type Member,
  type Row,
  type RowBatches,
  type RowFault,
} from "./rows.ts";

export interface OnixOptions extends Choices {
  /** Reads these members alone. */
  only?: readonly Member[] | undefined;
  /** Is called before the first row. */
  onHeader?: ((header: FileHeader) => void) | undefined;
}

/** @throws CatalogueError if the file is not ONIX 3, or not well-formed; the rows before have been yielded */
export async function* readOnix(source: AsyncIterable<Uint8Array>, options: OnixOptions = {}): RowBatches {
  const rows = new RowMaker(options);
  const reader = new ProductReader(rows);
  let isEmpty = true;
  for await (const piece of decoded(source, "xml")) {
    const text: string = isEmpty ? piece.trimStart() : piece;
    isEmpty &&= text === "";
    yield* rows.during(() => reader.write(text));
  }
  if (isEmpty) throw new CatalogueError("The file is empty.");
  yield* rows.during(() => reader.end());
}

const DELETION = "05";
const TESTS = new Set(["88", "89"]);

class RowMaker {
  readonly #options: OnixOptions;
  #defaults: Defaults = { currency: undefined, priceType: undefined };
  /** Until the first product. */
  #message: Extract<FileHeader, { format: "onix" }> | undefined;
  #row = 0;
  #rows: Row[] = [];

  constructor(options: OnixOptions) {
    this.#options = options;
  }

  /** The rows that a step yields, also if it fails after them. */
  *during(step: () => void): Generator<Row[], void> {
    this.#rows = [];
    try {
      step();
    } catch (error) {
      if (this.#rows.length > 0) yield this.#rows;
      throw error;
    }
    if (this.#rows.length > 0) yield this.#rows;
  }

  onMessage(tag: string, attributes: Record<string, string>): void {
    this.#message = { format: "onix", tag, attributes, header: "" };
  }

  onHeader(header: Element, source: string): void {
    if (this.#message) this.#message = { ...this.#message, header: source };
    this.#defaults = {
      currency: value(header, "DefaultCurrencyCode"),
      priceType: value(header, "DefaultPriceType"),
    };
  }

  onProduct(product: Product): void {
    if (this.#message) this.#options.onHeader?.(this.#message);
    this.#message = undefined;
    this.#row++;
    this.#rows.push(this.#rowOf(product));
  }

  #rowOf({ element, line, faults, source }: Product): Row {
    const at = { row: this.#row, line };
    const found = isbnOf(element);
    const isbn = found?.isbn;
    const refused = (details: RowFault[]): Row => ({ kind: "refused", ...at, isbn, details, source });
    if (faults.length > 0) return refused(faults);
    if (!found || isbn === undefined) return refused([missingIsbn(element)]);
    const notification = value(element, "NotificationType") ?? "";
    if (TESTS.has(notification)) return refused([TEST_RECORD]);
    if (notification === DELETION) return { kind: "deletion", ...at, isbn, repairs: found.repairs };
    const { members: all, repairs: left } = membersOf(element, this.#defaults, this.#options);
    const { members, repairs } = fitted(picked(all, this.#options.only));
    const result = BookChanges.safeParse(members, NO_MESSAGE);
    if (!result.success) return refused([...faultsOf("body", members, result)]);
    const conflicts = crossFaults(result.data);
    if (conflicts.length > 0) return refused(conflicts);
    return {
      kind: "book",
      ...at,
      isbn,
      book: result.data,
      repairs: [...found.repairs, ...left, ...repairs],
      source: () => source ?? "",
    };
  }
}

const TEST_RECORD: RowFault = { path: "", code: "invalid_format", message: "is a test record" };

function missingIsbn(element: Element): RowFault {
  const [written] = isbnsOf(element);
  if (written === undefined) return { path: "isbn", code: "required", message: "is required" };
  return { path: "isbn", code: "invalid_isbn", message: refusalOf(written) };
}
