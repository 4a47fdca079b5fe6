/** Sales and deliveries of several books in Postgres: one statement changes all of their stocks, or none. */
import { sql } from "drizzle-orm";
import type { WriteSteps } from "../db/conditional-write.ts";
import { type Claim, keyedWrite, type Replay, writeKeyed } from "../db/idempotency.ts";
import type { Database } from "../db/ports.ts";
import { books } from "../db/schema.ts";
import type { StockTransaction } from "./contract.ts";
import { allowedStock, noteOf, type StockRefusal } from "./store.ts";

/** A line that cannot be carried out. */
export interface RefusedLine {
  /** Its place among the lines, from 0. */
  line: number;
  refusal: StockRefusal | "unknown" | "duplicate";
  /** The first line of the same book. */
  first: number;
  /** Null in an unknown book, like the two below. */
  id: string | null;
  isbn: string | null;
  /** The stock at that moment. */
  available: number | null;
}

/** Lines cannot be carried out; nothing was written. */
export class LinesFault extends Error {
  override name = "LinesFault";
  readonly lines: RefusedLine[];
  constructor(lines: RefusedLine[]) {
    super(`${lines.length} lines cannot be carried out.`);
    this.lines = lines;
  }
}

const TRANSACTION = { lines: "jsonb", note: "jsonb" } as const;

/**
 * All books are locked by ascending id, so that no two such statements wait for each other in a circle. The lock also gives
 * their newest rows: a book may have lost its ISBN since the statement's snapshot.
 */
const transactionSteps: WriteSteps<typeof TRANSACTION> = (proceed, value) => sql`
      called as materialized (
        select line.item - 1 as line, line.isbn, line.delta, coalesce(line.id, named.id) as id
        from rows from (jsonb_to_recordset(${value("lines")}) as (id uuid, isbn text, delta bigint))
          with ordinality as line (id, isbn, delta, item)
        left join ${books} as named on named.isbn = line.isbn
        where ${proceed}
      ),
      locked as materialized (
        select id, isbn, price, stock from ${books} where id = any(array(select id from called)) order by id for update
      ),
      summed as (
        select called.line, min(called.line) over (partition by locked.id) as first, called.isbn as named,
          locked.*, locked.stock + called.delta as sum
        from called left join locked on locked.id = called.id
      ),
      checked as materialized (
        select *, case when id is null or isbn <> named then 'unknown' when line > first then 'duplicate'
          when not (${allowedStock.insufficient}) then 'insufficient'
          when not (${allowedStock.above_maximum}) then 'above_maximum'
          when not (${allowedStock.zero_price}) then 'zero_price' end as refusal
        from summed
      ),
      passed as materialized (
        select * from checked where not exists (select from checked where refusal is not null)
      ),
      written as (
        update ${books} set stock = passed.sum, next_movement = ${value("note")} from passed where ${books.id} = passed.id
        returning passed.line, ${books.id}, ${books.isbn}, ${books.stock}
      ),
      outcome as (
        select case when refused.lines is not null then 'lines' end as refusal, refused.lines as refused,
          null::text as id, null::text as version, null::int as format,
          (select '{"lines":[' || string_agg(
             (select row_to_json(level)::text from (select written.id, written.isbn, written.stock) as level), ',' order by line
           ) || ']}' from written) as json
        from (
          select json_agg(json_build_object('line', line, 'refusal', refusal, 'first', first, 'id', id, 'isbn', isbn,
            'available', stock) order by line)::text as lines
          from checked where refusal is not null
        ) as refused where ${proceed}
      )`;

const transaction = keyedWrite(TRANSACTION, transactionSteps, { alone: true });

/**
 * Changes the stock of several books, all or nothing.
 *
 * @returns the new stock of each book as JSON text, or the reply to the first request
 * @throws LinesFault, MismatchFault, InProgressFault
 */
export async function changeStock(
  database: Database,
  { lines, ...note }: StockTransaction,
  actor: string,
  claim: Claim | undefined,
): Promise<{ json: string } | Replay> {
  const values = { lines: JSON.stringify(lines), note: noteOf(note, actor) };
  database.changed(...lines.flatMap((line) => line.id ?? []));
  const outcome: { json: string; refused: string | null } | Replay = await writeKeyed(
    database,
    claim,
    transaction,
    values,
  );
  if ("refused" in outcome && outcome.refused !== null) throw new LinesFault(JSON.parse(outcome.refused));
  const { lines: levels }: { lines: { id: string }[] } = JSON.parse(
    "json" in outcome ? outcome.json : outcome.body,
  );
  database.changed(...levels.map(({ id }) => id));
  return outcome;
}
