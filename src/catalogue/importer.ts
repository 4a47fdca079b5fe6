/** Rows to batches: what an import writes, counts and reports. It knows neither HTTP nor files. */
import { REQUIRED, ZERO_PRICE_WITH_STOCK } from "../books/book.ts";
import type { Database } from "../db/ports.ts";
import { Batch } from "./batch.ts";
import { IsbnSet } from "./isbn-set.ts";
import type { BookRow, DeletionRow, Member, RefusedRow, Repair, RowBatches, RowFault } from "./rows.ts";
import { type BatchOutcome, type BatchPolicy, itemOf, type RefusalReason, writeBatch } from "./store.ts";

/** How long rows are read before other requests have their turn. A file that has arrived is read without any wait. */
const TURN_MS = 5;
/** Unlike a timer, `setImmediate` waits for nothing else; Workers may not have it. */
const otherTurns = () =>
  new Promise<void>((resolve) => (globalThis.setImmediate ?? setTimeout)(() => resolve()));

export interface ImportPolicy extends Omit<BatchPolicy, "strict"> {
  /** `stop` ends at the first batch that has a refused row, and writes nothing of that batch. */
  onError: "skip" | "stop";
  /** The members that are imported, if not all. Unknown books are then refused. */
  only: readonly Member[] | undefined;
  /** How many rows at the beginning were imported before. */
  skipRows: number;
}

/** How far an import has come. Each row of the file is counted once, but for duplicates within a batch. */
export interface Progress {
  /** The number of the last row whose outcome is known. The import can go on after it. */
  rows: number;
  created: number;
  updated: number;
  unchanged: number;
  deleted: number;
  refused: number;
}

export interface Summary extends Progress {
  /** Rows whose ISBN came before in the file. The last of them wins. */
  duplicates: number;
  /** How often each repair was made. */
  repairs: Partial<Record<Repair, number>>;
  /** A row was refused, and nothing was written from its batch on. */
  stopped: boolean;
}

export type ImportEvent = { kind: "refused"; row: RefusedRow } | { kind: "progress"; progress: Progress };

/** Gives the database for one batch. */
type ConnectBatch = () => Database;

/**
 * Imports rows in batches. Each is one transaction, and is written while the next is read. What an event reports is
 * committed; an error ends the import after the last batch that was reported.
 */
export async function* importRows(
  source: RowBatches,
  connect: ConnectBatch,
  policy: ImportPolicy,
): AsyncGenerator<ImportEvent, Summary> {
  const importer = new Importer(connect, policy);
  const { summary } = importer;
  const batches = batchesOf(source, policy.skipRows);
  let next = batches.next();
  try {
    for (;;) {
      const { done, value: batch } = await next;
      if (done) return summary;
      const writing = importer.write(batch);
      next = batches.next();
      // An error of the source is thrown after the report of the batch before it.
      next.catch(() => {});
      yield* await writing;
      if (summary.stopped) return summary;
    }
  } finally {
    // Not awaited: the source may be waiting for a client that has gone.
    batches.return().catch(() => {});
  }
}

async function* batchesOf(source: RowBatches, skipRows: number): AsyncGenerator<Batch, void> {
  let batch = new Batch();
  let since = performance.now();
  for await (const rows of source) {
    if (performance.now() - since > TURN_MS) {
      await otherTurns();
      since = performance.now();
    }
    for (const row of rows) {
      if (row.row <= skipRows) continue;
      batch.add(row);
      if (!batch.isFull) continue;
      yield batch;
      batch = new Batch();
    }
  }
  if (!batch.isEmpty) yield batch;
}

class Importer {
  readonly summary: Summary;
  readonly #connect: ConnectBatch;
  readonly #policy: ImportPolicy;
  readonly #isbns = new IsbnSet();

  constructor(connect: ConnectBatch, policy: ImportPolicy) {
    this.#connect = connect;
    this.#policy = policy;
    this.summary = {
      rows: policy.skipRows,
      created: 0,
      updated: 0,
      unchanged: 0,
      deleted: 0,
      refused: 0,
      duplicates: 0,
      repairs: {},
      stopped: false,
    };
  }

  async write(batch: Batch): Promise<ImportEvent[]> {
    const { onError, ...policy } = this.#policy;
    const { summary } = this;
    const strict = onError === "stop";
    const refused = [...batch.refused];
    if (!strict || refused.length === 0) {
      let { rows } = batch;
      while (rows.length > 0) {
        const outcome = await writeBatch(this.#connect(), rows.map(itemOf), { ...policy, strict });
        const named = outcome.refused.map(({ item, reason }) => refusalOf(rows[item - 1], reason, policy));
        refused.push(...named);
        if (strict && named.length > 0) break;
        this.#count(outcome);
        rows = outcome.overtaken.flatMap((item) => rows[item - 1] ?? []);
      }
    }
    summary.refused += refused.length;
    summary.stopped = strict && refused.length > 0;
    const events: ImportEvent[] = refused
      .sort((a, b) => a.row - b.row)
      .map((row) => ({ kind: "refused", row }));
    if (summary.stopped) return events;
    this.#take(batch);
    const { rows, created, updated, unchanged, deleted } = summary;
    const progress = { rows, created, updated, unchanged, deleted, refused: summary.refused };
    return [...events, { kind: "progress", progress }];
  }

  #count({ created, updated, unchanged, deleted }: BatchOutcome): void {
    this.summary.created += created;
    this.summary.updated += updated;
    this.summary.unchanged += unchanged;
    this.summary.deleted += deleted;
  }

  #take(batch: Batch): void {
    const { summary } = this;
    summary.rows = batch.lastRow;
    summary.duplicates += batch.duplicates;
    for (const { isbn, repairs } of batch.rows) {
      if (this.#isbns.add(isbn)) summary.duplicates++;
      for (const repair of repairs) summary.repairs[repair] = (summary.repairs[repair] ?? 0) + 1;
    }
  }
}

function refusalOf(
  row: BookRow | DeletionRow | undefined,
  reason: RefusalReason,
  policy: Omit<ImportPolicy, "onError">,
): RefusedRow {
  const { row: number, line, isbn, book, source } = row as BookRow;
  return {
    kind: "refused",
    row: number,
    line,
    isbn,
    details: reason === "incomplete" ? incomplete(book, policy) : [FAULTS[reason]],
    source: source(),
  };
}

const FAULTS: Record<Exclude<RefusalReason, "incomplete">, RowFault> = {
  zero_price_with_stock: {
    path: "price",
    code: "zero_price_with_stock",
    message: ZERO_PRICE_WITH_STOCK,
  },
  id_taken: { path: "id", code: "invalid_format", message: "is that of another book here" },
};

/** The faults of a row of an unknown book that does not have what a new book needs. */
function incomplete(book: object, { only, defaultPrice }: Omit<ImportPolicy, "onError">): RowFault[] {
  if (only) {
    const message = `is unknown, and only ${only.join(", ")} is imported`;
    return [{ path: "isbn", code: "not_found", message }];
  }
  const has = { isbn: true, ...(defaultPrice !== undefined && { price: true }), ...book };
  return REQUIRED.filter((name) => !(name in has)).map((path) => ({
    path,
    code: "required",
    message: "is required for a new book",
  }));
}
