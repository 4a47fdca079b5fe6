/** The ledger in Postgres, which only triggers write. */
import { eq, type SQL, sql } from "drizzle-orm";
import { jsonObject } from "../db/json.ts";
import {
  definePages,
  filteredPage,
  type KeysetOrder,
  type Lines,
  type ListingPosition,
  orderBy,
} from "../db/keyset.ts";
import type { Database } from "../db/ports.ts";
import { MissingFault } from "../db/resource.ts";
import { books, stockMovements } from "../db/schema.ts";
import { bind, defineStatement } from "../db/statements.ts";
import { type LedgerQuery, MOVEMENT_MEMBERS, type MovementQuery, type StockMovement } from "./contract.ts";

const movementJson = jsonObject(
  {
    ...stockMovements,
    // Movements of version 0.1.0 have none while their book is there.
    isbn: sql`coalesce(${stockMovements.isbn}, (select ${books.isbn} from ${books} where ${books.id} = ${stockMovements.book_id}))`,
  },
  MOVEMENT_MEMBERS,
);

const newestFirst = orderBy(stockMovements.created_at, stockMovements.id, true);

/** No row if there is no such book, and never was one with stock. */
const pagesOfBook = definePages(stockMovements, newestFirst, {
  json: movementJson,
  types: { book: "uuid" },
  filters: (value) => [sql`${stockMovements.book_id} = ${value("book")}`],
  around: (page, value) => sql`select page.* from (${page}) page
    where exists (select from ${books} where ${books.id} = ${value("book")})
      or exists (select from ${stockMovements} where ${stockMovements.book_id} = ${value("book")})`,
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
  position: ListingPosition | undefined,
): Promise<Lines> {
  const [found] = await database.read<Lines>(pagesOfBook(position, limit, { book: bookId }));
  if (!found) throw new MissingFault();
  return found;
}

/** The time as the index of all movements has it; see the schema. */
const time = sql`(${stockMovements.created_at} at time zone 'UTC')`;
const newestOfAll: KeysetOrder = { ...newestFirst, key: time, type: "timestamp" };
const allPages = definePages(stockMovements, newestOfAll, { json: movementJson, types: {} });

/** Up to `limit + 1` movements of all books from `position` on, in the direction of travel; the newest come first. */
export async function listAllMovements(
  database: Database,
  { limit, ...query }: LedgerQuery,
  position: ListingPosition | undefined,
): Promise<Lines> {
  const equal = equalTo(query);
  const order = equal.length > 0 ? newestFirst : newestOfAll;
  const filters = [...equal, ...betweenTimes(order, query)];
  const page =
    filters.length === 0
      ? allPages(position, limit, {})
      : filteredPage(stockMovements, order, { filters, position, limit, json: movementJson });
  const [found] = await database.read<Lines>(page);
  return found as Lines;
}

type LedgerFilters = Omit<LedgerQuery, "limit">;

const equalTo = ({ reference, reason }: LedgerFilters): SQL[] => [
  ...(reference === undefined ? [] : [eq(stockMovements.reference, reference)]),
  ...(reason === undefined ? [] : [eq(stockMovements.reason, reason)]),
];

const betweenTimes = ({ key, type }: KeysetOrder, { since, until }: LedgerFilters): SQL[] => [
  ...(since === undefined ? [] : [sql`${key} >= ${since}::${sql.raw(type)}`]),
  ...(until === undefined ? [] : [sql`${key} < ${until}::${sql.raw(type)}`]),
];

/** The most movements that {@link readEntries} returns. */
const MAX_ENTRIES = 1000;

const entriesOf = defineStatement({
  types: { reference: "text" },
  build: (
    value,
  ) => sql`select ${movementJson} as movement, ${books.title} as title, ${books.author} as author,
      ${books.price}::text as price, ${books.language} as language
    from ${stockMovements} left join ${books} on ${books.id} = ${stockMovements.book_id}
    where ${stockMovements.reference} = ${value("reference")}
    order by ${stockMovements.created_at} desc, ${stockMovements.id} desc limit ${sql.raw(`${MAX_ENTRIES}`)}`,
});

/** A movement with its book as it is now. */
export interface Entry extends StockMovement {
  book: { title: string; author: string; price: number; language: string | null } | undefined;
}

/** What the ledger has under a receipt's or a delivery's number, the newest first. */
export async function readEntries(database: Database, reference: string): Promise<Entry[]> {
  type Found = {
    movement: string;
    title: string | null;
    author: string;
    price: string;
    language: string | null;
  };
  const found = await database.read<Found>(bind(entriesOf, { reference }));
  return found.map(({ movement, title, author, price, language }) => ({
    ...(JSON.parse(movement) as StockMovement),
    book: title === null ? undefined : { title, author, price: Number(price), language },
  }));
}
