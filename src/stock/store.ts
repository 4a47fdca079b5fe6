/** Stock in Postgres. Triggers write the movements, so that nothing can change stock without one. */
import { type SQL, sql } from "drizzle-orm";
import type { PgColumn } from "drizzle-orm/pg-core";
import { MAX_STOCK } from "../books/book.ts";
import { representation } from "../books/store.ts";
import { conditionalWrite, type Outcome, unconditionally } from "../db/conditional-write.ts";
import { type Claim, keyedWrite, type Replay, writeKeyed } from "../db/idempotency.ts";
import type { Database } from "../db/ports.ts";
import {
  MissingFault,
  type Resource,
  resourceColumns,
  type VersionDemand,
  VersionFault,
} from "../db/resource.ts";
import { DEMAND, demandValues, meetsDemand } from "../db/resource-statements.ts";
import { books } from "../db/schema.ts";
import { bind } from "../db/statements.ts";
import type { StockAdjustment, StockCount } from "./contract.ts";

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

/** What the movements of a write say, as `next_movement` takes it. */
export function noteOf(
  { reason, reference }: { reason: string | null; reference: string | null },
  actor: string,
): string {
  return JSON.stringify({ actor, reason: reason ?? undefined, reference: reference ?? undefined });
}

/** The conditions on a new stock, on columns `sum` and `price`. */
export const allowedStock = {
  insufficient: sql`sum >= 0`,
  above_maximum: sql`sum <= ${sql.raw(`${MAX_STOCK}`)}`,
  zero_price: sql`price > 0 or sum = 0`,
} satisfies Record<StockRefusal, SQL>;

const ADJUSTMENT = { id: "uuid", delta: "bigint", note: "jsonb" } as const;

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
    conditions: () => allowedStock,
    write: (value) => sql`update ${books} set stock = passed.sum, next_movement = ${value("note")}
      from passed where ${books.id} = passed.id returning ${resourceColumns(books, representation)}`,
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
  change: StockAdjustment,
  actor: string,
  claim: Claim | undefined,
): Promise<Resource | Replay> {
  const values = { id, delta: change.delta, note: noteOf(change, actor) };
  database.changed(id);
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

const COUNT = { key: "text", counted: "int", note: "jsonb", ...DEMAND } as const;

/** Sets the stock of the book with a value in a unique column. */
const countBy = (column: PgColumn) =>
  unconditionally(
    COUNT,
    conditionalWrite({
      types: COUNT,
      table: books,
      row: (value) => sql`${column} = ${value("key")}::${sql.raw(column.getSQLType())}`,
      locked: () => ({
        version: sql`${books.version}`,
        format: representation.format,
        price: sql`${books.price}`,
        available: sql`${books.stock}`,
      }),
      conditions: (value) => ({
        version: meetsDemand(value),
        zero_price: sql`price > 0 or ${value("counted")} = 0`,
      }),
      write: (value) => sql`update ${books} set stock = ${value("counted")}, next_movement = ${value("note")}
        from passed where ${books.id} = passed.id returning ${resourceColumns(books, representation)}`,
      details: [sql`checked.available`],
    }),
  );
const counts = { id: countBy(books.id), isbn: countBy(books.isbn) };

/**
 * Sets the stock of a book to what was counted. The difference is the movement.
 *
 * @throws MissingFault, VersionFault, StockFault
 */
export async function countStock(
  database: Database,
  by: { id: string } | { isbn: string },
  count: StockCount,
  actor: string,
  demand: VersionDemand,
): Promise<Resource> {
  const [definition, key] = "id" in by ? [counts.id, by.id] : [counts.isbn, by.isbn];
  const values = { key, counted: count.stock, note: noteOf(count, actor), ...demandValues(demand) };
  type Counted = Outcome<Resource, "version" | "zero_price", { available: number }>;
  const [outcome] = (await database.write(bind(definition, values))) as [Counted];
  if (outcome.refusal === null) {
    database.changed(outcome.id);
    return outcome;
  }
  if (outcome.refusal === "missing") throw new MissingFault();
  if (outcome.refusal === "version") throw new VersionFault();
  throw new StockFault(outcome.refusal, outcome.available);
}
