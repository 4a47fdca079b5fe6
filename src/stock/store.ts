/** Stock in Postgres. Triggers write the movements, so that nothing can change stock without one. */
import { sql } from "drizzle-orm";
import { MAX_STOCK } from "../books/book.ts";
import { representation } from "../books/store.ts";
import { conditionalWrite, type Outcome } from "../db/conditional-write.ts";
import { type Claim, keyedWrite, type Replay, writeKeyed } from "../db/idempotency.ts";
import { jsonObject } from "../db/json.ts";
import { definePages, type Lines, orderBy, type Position } from "../db/keyset.ts";
import type { Database } from "../db/ports.ts";
import { MissingFault, type Resource, resourceColumns } from "../db/resource.ts";
import { books, stockMovements } from "../db/schema.ts";
import { MOVEMENT_MEMBERS, type MovementQuery, type StockAdjustment } from "./contract.ts";

/** Why a stock cannot change: it would fall below 0, rise above the maximum, or belong to a book with a price of 0. */
export type StockRefusal = "insufficient" | "above_maximum" | "zero_price";

/** The stock cannot change; nothing was written. */
export class StockFault extends Error {
  override name = "StockFault";
  readonly refusal: StockRefusal;
  /** The stock at that moment. */
  readonly available: number;
  constructor(refusal: StockRefusal, available: number) {
    super(`The stock of ${available} cannot change: ${refusal}.`);
    this.refusal = refusal;
    this.available = available;
  }
}

const ADJUSTMENT = { id: "uuid", delta: "bigint", reason: "text" } as const;

const adjustment = keyedWrite(
  ADJUSTMENT,
  conditionalWrite({
    types: ADJUSTMENT,
    table: books,
    row: (value) => sql`${books.id} = ${value("id")}`,
    locked: (value) => ({
      price: sql`${books.price}`,
      available: sql`${books.stock}`,
      sum: sql`${books.stock} + ${value("delta")}`,
    }),
    conditions: () => ({
      insufficient: sql`sum >= 0`,
      above_maximum: sql`sum <= ${sql.raw(`${MAX_STOCK}`)}`,
      zero_price: sql`price > 0 or sum = 0`,
    }),
    // The trigger that writes the movement takes its reason from this setting.
    before: (value) => [sql`set_config('octavo.movement_reason', ${value("reason")}, true)`],
    write: () => sql`update ${books} set stock = passed.sum from passed where ${books.id} = passed.id
      returning ${resourceColumns(books, representation)}`,
    details: [sql`checked.available`],
  }),
);

/**
 * Adds to the stock of a book, or takes from it.
 *
 * @throws MissingFault, StockFault, MismatchFault, InProgressFault
 */
export async function adjustStock(
  database: Database,
  id: string,
  { delta, reason }: StockAdjustment,
  claim: Claim | undefined,
): Promise<Resource | Replay> {
  const values = { id, delta, reason: reason ?? "" };
  const outcome: Outcome<Resource, StockRefusal, { available: number }> | Replay = await writeKeyed(
    database,
    claim,
    adjustment,
    values,
  );
  if (!("refusal" in outcome) || outcome.refusal === null) return outcome;
  if (outcome.refusal === "missing") throw new MissingFault();
  throw new StockFault(outcome.refusal, outcome.available);
}

const newestFirst = orderBy(stockMovements.created_at, stockMovements.id, true);

/** No row if there is no such book. */
const movementPages = definePages(stockMovements, newestFirst, {
  json: jsonObject(stockMovements, MOVEMENT_MEMBERS),
  types: { book: "uuid" },
  filters: (value) => [sql`${stockMovements.book_id} = ${value("book")}`],
  around: (page, value) => sql`select page.* from ${books} cross join lateral (${page}) page
    where ${books.id} = ${value("book")}`,
});

/**
 * Up to `limit + 1` movements of a book's stock from `position` on, in the direction of travel; the newest come first.
 *
 * @throws MissingFault
 */
export async function listMovements(
  database: Database,
  bookId: string,
  { limit }: MovementQuery,
  position: Position | undefined,
): Promise<Lines> {
  const [found] = await database.read<Lines>(movementPages(position, limit, { book: bookId }));
  if (!found) throw new MissingFault();
  return found;
}
