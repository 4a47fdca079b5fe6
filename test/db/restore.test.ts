/** The ledger in a restore of data alone (`pg_restore --data-only`) into a migrated database, and before who would pass it by. */
import { randomBytes } from "node:crypto";
import type pg from "pg";
import { expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const BOOK_COLUMNS =
  "id, title, author, isbn, price, stock, description, created_at, updated_at, version, next_movement, last_movement";
const MOVEMENT_COLUMNS = "id, book_id, delta, stock_after, reason, created_at, isbn, reference, actor";

/**
 * Books whose ledgers are of every kind: none, an opening alone, histories that come back to where they began, and those of
 * deleted books.
 */
async function fill(database: TestDatabase): Promise<void> {
  const histories = [
    [0],
    [5],
    [5, 0],
    [5, 8],
    [5, 0, 5],
    [0, 5],
    [0, 5, 0, 5],
    [3, 8, 5, 0, 3],
    [1, 2, 1, 2, 1],
  ];
  for (const [at, [first, ...others]] of histories.entries()) {
    const isbn = `97800000000${10 + at}`;
    const note = at % 2 ? { actor: "clerk", reference: "receipt 1042" } : null;
    const insert =
      "insert into books (title, author, isbn, price, stock, next_movement) values ('A', 'B', $1, 1, $2, $3)";
    await database.sql(insert, [isbn, first, note]);
    for (const stock of others)
      await database.sql("update books set stock = $2, next_movement = $3 where isbn = $1", [
        isbn,
        stock,
        note,
      ]);
  }
  await database.sql("delete from books where isbn in ('9780000000014', '9780000000018')");
}

/** In the order of pg_dump: what triggers derive from books comes before them. */
const TABLES = [
  ["book_changes", "book_id, xid, stock, isbn, version, deleted_at"],
  ["book_search", "book_id, title, words"],
  ["books", BOOK_COLUMNS],
  ["search_words", "word"],
  ["stock_movements", MOVEMENT_COLUMNS],
] as const;

const ledgerOf = (database: TestDatabase) =>
  database.sql(`select ${MOVEMENT_COLUMNS} from stock_movements order by created_at, id`);

/** What pg_restore says before all else. */
const PREAMBLE = "select pg_catalog.set_config('search_path', '', false)";

const WAYS: [string, (client: pg.Client, from: TestDatabase) => Promise<void>][] = [
  [
    "by COPY",
    async (client, from) => {
      const folder = "current_setting('data_directory') || '/octavo_restore_";
      const name = randomBytes(6).toString("hex");
      for (const [table, columns] of TABLES) {
        const [file] = await from.sql<{ path: string }>(`select ${folder}${name}_${table}' as path`);
        await from.sql(`copy public.${table} (${columns}) to '${file?.path}'`);
        await client.query(`copy public.${table} (${columns}) from '${file?.path}'`);
      }
    },
  ],
  [
    "by INSERT, row by row",
    async (client, from) => {
      for (const [table, columns] of TABLES) {
        const rows = await from.sql(`select row_to_json(r) as row from (select ${columns} from ${table}) r`);
        const insert = `insert into public.${table} (${columns})
          select ${columns} from pg_catalog.json_populate_record(null::public.${table}, $1)`;
        for (const { row } of rows) await client.query(insert, [row]);
      }
    },
  ],
];

test.each(WAYS)(
  "a restore of data alone has the ledger that was saved, and no other movement: %s",
  async (_, load) => {
    const saved = await createTestDatabase();
    await fill(saved);
    const restored = await createTestDatabase();
    const client = await restored.connect();
    await client.query(PREAMBLE);
    await load(client, saved);
    await client.end();
    expect(await ledgerOf(restored)).toEqual(await ledgerOf(saved));
    const versions = "select id, version, updated_at, json from books order by id";
    expect(await restored.sql(versions)).toEqual(await saved.sql(versions));
    const derived = "select book_id, title, words from book_search order by book_id";
    expect(await restored.sql(derived)).toEqual(await saved.sql(derived));
    const changes = "select book_id, stock, deleted_at is null as is_book from book_changes order by book_id";
    expect(await restored.sql(changes)).toEqual(await saved.sql(changes));
  },
);

test.each([
  ["a temporary table", "create temporary table stock_movements (like public.stock_movements including all)"],
  [
    "a search_path",
    "create schema elsewhere; create table elsewhere.stock_movements (like public.stock_movements); set search_path = elsewhere, public",
  ],
])("%s takes no movements away from the ledger", async (_, statement) => {
  const database = await createTestDatabase();
  await fill(database);
  const before = await ledgerOf(database);
  const client = await database.connect();
  await client.query(statement);
  await client.query("update public.books set stock = stock + 1");
  await client.end();
  const [count] = await database.sql<{ books: number }>("select count(*)::int as books from books");
  expect(await ledgerOf(database)).toHaveLength(before.length + (count?.books ?? 0));
});

test.each(["'NaN'", "-0.01", "100000000"])("%s is no price, whoever writes it", async (price) => {
  const database = await createTestDatabase();
  const insert = `insert into books (title, author, isbn, price) values ('A', 'B', '9780306406157', ${price})`;
  await expect(database.sql(insert)).rejects.toThrow(/books_price_range|numeric field overflow/);
});
