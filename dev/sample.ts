import pg from "pg";
import { withClient } from "../ops/command.ts";
import { WRITABLE } from "../src/books/book.ts";
import books from "./sample-books.json" with { type: "json" };

/** A comment that marks the database, so that a catalogue that was emptied stays empty. */
const MARK = "Octavo's sample catalogue was loaded, or there were books already.";

const MEMBERS = WRITABLE.join();

/** The key of the advisory lock for loading the sample. */
const LOCK = 7_250_868;

/**
 * Loads the sample catalogue into a database without books, once in the lifetime of the database. The first book in the
 * file becomes the newest.
 *
 * @param url a connection string whose role owns the database
 * @returns the number of books in the database
 */
export function loadSample(url: string): Promise<number> {
  return withClient(url, async (client) => {
    await client.query("begin");
    await client.query("select pg_advisory_xact_lock($1)", [LOCK]);
    const { rows } = await client.query<{ name: string; marked: boolean; filled: boolean }>(
      `select quote_ident(datname) as name, exists (select from books) as filled,
         coalesce(shobj_description(oid, 'pg_database') = $1, false) as marked
       from pg_database where datname = current_database()`,
      [MARK],
    );
    const { name, marked, filled } = rows[0] ?? {};
    if (!marked) {
      if (!filled) await insertBooks(client);
      await client.query(`comment on database ${name} is ${pg.escapeLiteral(MARK)}`);
    }
    await client.query("commit");
    if (!marked) await client.query("analyze");
    const counted = await client.query<{ count: number }>("select count(*)::int as count from books");
    return counted.rows[0]?.count ?? 0;
  });
}

async function insertBooks(client: pg.Client): Promise<void> {
  await client.query(
    `insert into books (${MEMBERS}, created_at, updated_at)
     select ${MEMBERS}, time, time
     from jsonb_array_elements($1) with ordinality as entry (book, place),
     jsonb_populate_record(null::books, jsonb_build_object('subjects', '[]'::jsonb) || book) as member,
     lateral (select now() - place * interval '1 hour' as time) as stamp`,
    [JSON.stringify(books)],
  );
}
