import pg from "pg";
import books from "./sample-books.json" with { type: "json" };

/**
 * Loads the sample catalogue into a database without books, in file order from the newest on; one with books stays
 * as it is.
 *
 * @returns how many books there are now
 */
export async function loadSample(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ count: number }>("select count(*)::int as count from books");
    const kept = rows[0]?.count ?? 0;
    if (kept > 0) return kept;
    const loaded = await client.query(
      `insert into books (title, author, isbn, price, stock, description, created_at, updated_at)
       select title, author, isbn, price, stock, description, time, time
       from rows from (
         jsonb_to_recordset($1) as (title text, author text, isbn text, price numeric, stock int, description text)
       ) with ordinality as book (title, author, isbn, price, stock, description, place),
       lateral (select now() - place * interval '1 hour' as time) as stamp`,
      [JSON.stringify(books)],
    );
    await client.query("analyze");
    return loaded.rowCount ?? 0;
  } finally {
    await client.end();
  }
}
