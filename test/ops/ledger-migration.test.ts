/** A ledger of version 0.1.0, whose migration nobody who sells meanwhile notices. */
import { randomBytes } from "node:crypto";
import { readMigrationFiles } from "drizzle-orm/migrator";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import journal from "../../drizzle/meta/_journal.json" with { type: "json" };
import { migrate } from "../../ops/migrations.ts";
import { createTestDatabase } from "../support/database.ts";

const BOOKS = 50;

/** The number of migrations before the one that this file is about. */
const EARLIER = journal.entries.findIndex(({ tag }) => tag.endsWith("_stock_ledger"));

/** Makes a database as the migrations before left it. */
async function earlierDatabase(): Promise<string> {
  const { url, sql } = await createTestDatabase();
  const name = `earlier_${randomBytes(6).toString("hex")}`;
  await sql(`create database ${name} template template0 encoding utf8`);
  const earlier = Object.assign(new URL(url), { pathname: `/${name}` }).href;
  const client = new pg.Client({ connectionString: earlier });
  await client.connect();
  await client.query(
    `create schema drizzle;
     create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`,
  );
  for (const { sql, hash, folderMillis } of readMigrationFiles({ migrationsFolder: "drizzle" }).slice(
    0,
    EARLIER,
  )) {
    for (const statement of sql) await client.query(statement.replace("INDEX CONCURRENTLY", "INDEX"));
    const insert = "insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)";
    await client.query(insert, [hash, folderMillis]);
  }
  await client.end();
  onTestFinished(async () => {
    await sql(`drop database ${name} with (force)`);
  });
  return earlier;
}

test("a ledger migrates while books are sold, and adds up", async () => {
  const url = await earlierDatabase();
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  pool.on("error", () => {});
  await pool.query(
    `insert into books (title, author, isbn, price, stock)
     select 'A', 'B', '978' || 1000000000 + n, 1, 1000000 from generate_series(1, ${BOOKS}) as n`,
  );
  let isMigrated = false;
  let sold = 0;
  const sellers = Array.from({ length: 3 }, async () => {
    while (!isMigrated) {
      // As the version before sells.
      await pool.query(
        `with given as materialized (select set_config('octavo.movement_reason', 'sale', true))
         update books set stock = stock - 1 from given where isbn = $1`,
        [`978${1_000_000_002 + (sold % (BOOKS - 1))}`],
      );
      sold++;
    }
  });
  await expect.poll(() => sold, { timeout: 20_000 }).toBeGreaterThan(20);
  await migrate(url);
  const soldThen = sold;
  await expect.poll(() => sold, { timeout: 20_000 }).toBeGreaterThan(soldThen + 20);
  isMigrated = true;
  await Promise.all(sellers);
  await pool.query("delete from books where isbn = '9781000000001'");

  const { rows } = await pool.query(
    `select count(*) filter (where books.stock is distinct from sum and not (books.stock is null and sum = 0))::int as wrong,
       sum(sales)::int as sales, count(*)::int as ledgers
     from (select book_id, sum(delta) as sum, count(*) filter (where reason = 'sale') as sales
           from stock_movements group by book_id) as ledger
     left join books on books.id = book_id`,
  );
  expect(rows).toEqual([{ wrong: 0, sales: sold, ledgers: BOOKS }]);
  const deleted = await pool.query(
    "select isbn, delta, reason from stock_movements where isbn = '9781000000001' order by created_at",
  );
  expect(deleted.rows).toEqual([
    { isbn: "9781000000001", delta: 1_000_000, reason: null },
    { isbn: "9781000000001", delta: -1_000_000, reason: "deleted" },
  ]);
  await pool.end();
});
