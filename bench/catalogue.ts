/** The database of the benchmark, and samples of its books for the requests. */
import { join } from "node:path";
import pg from "pg";
import { DATABASE } from "../dev/cli.ts";
import { startPostgres } from "../dev/postgres.ts";
import { generator, seedWithBar, word, zipf } from "../dev/seed.ts";
import { DATA } from "../ops/data.ts";
import { migrate } from "../ops/migrations.ts";
import { checkDigit13 } from "../src/books/isbn.ts";
import type { Place } from "./requests.ts";
import { parentOf } from "./servers.ts";

/** All other settings are Postgres's defaults. */
export const POSTGRES_SETTINGS = ["shared_buffers=1GB", "max_wal_size=4GB"];

const SAMPLED_BOOKS = 20_000;
const SAMPLED_PLACES = 2_000;

export interface Catalogue {
  url: string;
  client: pg.Client;
  books: number;
  /** The process whose children are the backends. */
  postmaster: number;
  /** A random sample in random order; `popularIds` repeats ids by Zipf's law. */
  ids: string[];
  popularIds: string[];
  /** Random positions in the listing of the newest books; `deepPlaces` are in its last tenth. */
  places: Place[];
  deepPlaces: Place[];
  /** 40 search terms, from words in every sixth book to words in none. */
  terms: string[];
  /** Reserves a million ISBNs for one use in this run, and returns the number of the first. */
  reserveIsbns(): number;
  /** Deletes the books that a workload has created; as the newest books, they would head the listings. */
  removeCreated(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a separate Postgres for the benchmark, with a database of `books` books. The database is kept for the next run,
 * because seeding takes minutes.
 */
export async function openCatalogue(books: number): Promise<Catalogue> {
  const postgres = await startPostgres({
    directory: join(DATA, "bench"),
    flags: POSTGRES_SETTINGS,
    onProgress: console.log,
  });
  try {
    const database = `${DATABASE}_${books}`;
    await postgres.createDatabase(database);
    const url = postgres.url(database);
    await migrate(url);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query("set statement_timeout = 0");
    await removeCreated(client);
    const { rows } = await client.query<{ count: number; pid: number }>(
      "select count(*)::int as count, pg_backend_pid() as pid from books",
    );
    let reserved = 0;
    const [{ count, pid }] = rows as [{ count: number; pid: number }];
    if (count < books) await seedWithBar(url, books - count);
    return {
      url,
      client,
      books,
      postmaster: await parentOf(pid),
      ...(await sample(client)),
      reserveIsbns: () => 1_000_000 * reserved++,
      removeCreated: () => removeCreated(client),
      async close() {
        await removeCreated(client);
        await client.end();
        await postgres.stop();
      },
    };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

/** Seeded books have ISBNs that begin with 979; the benchmark creates books with 978. */
async function removeCreated(client: pg.Client): Promise<void> {
  await client.query("truncate idempotency_keys");
  const { rowCount } = await client.query("delete from books where isbn like '978%'");
  if (rowCount) await client.query("vacuum analyze books, stock_movements");
}

async function sample(client: pg.Client) {
  const random = generator(7);
  const { rows } = await client.query<Place>(
    `select ${KEY} as key, id from books order by hashtext(id::text) limit $1`,
    [SAMPLED_BOOKS],
  );
  const ids = rows.map(({ id }) => id);
  const deep = await client.query<Place>(
    `select key, id from (
       select ${KEY} as key, id from books order by created_at, id limit (select count(*) / 10 from books)
     ) oldest order by hashtext(id::text) limit $1`,
    [SAMPLED_PLACES],
  );
  return {
    ids,
    popularIds: ids.map(() => ids[zipf(random, ids.length)] as string),
    places: rows.slice(0, SAMPLED_PLACES),
    deepPlaces: deep.rows,
    terms: await searchTerms(client, ids),
  };
}

/** A timestamp as the API writes it. */
export const moment = (column: string) =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

export const KEY = moment("created_at");

/** Frequent and rare words of titles, authors, complete ISBNs, and words that no book contains. */
async function searchTerms(client: pg.Client, ids: string[]): Promise<string[]> {
  const words = Array.from({ length: 25 }, (_, at) => word(Math.round(10 * 3_000 ** (at / 24))));
  const { rows } = await client.query<{ author: string; isbn: string }>(
    "select author, isbn from books where id = any($1::uuid[])",
    [ids.slice(0, 10)],
  );
  const known = rows.map(({ author, isbn }, at) => (at % 2 ? author : isbn));
  return [...words, ...known, "quixote", "zephyr", "gryphon", "jubilee", "xylophone"];
}

/** The position after a number of rows of a listing, found with OFFSET. */
export async function placeBehind(client: pg.Client, sort: string, row: number): Promise<Place> {
  const [column, direction] = sort.startsWith("-") ? [sort.slice(1), "desc"] : [sort, "asc"];
  const key = column === "created_at" ? KEY : `${column}::text`;
  const { rows } = await client.query<Place>(
    `select ${key} as key, id from books order by ${column} ${direction}, id ${direction} limit 1 offset $1`,
    [row - 1],
  );
  if (!rows[0]) throw new Error(`there is no row ${row}`);
  return rows[0];
}

/**
 * Adds books for stock changes, with a practically unlimited stock.
 *
 * @param number the number of the first ISBN; see {@link isbnOf}
 */
export async function addBooksInDemand(client: pg.Client, books: number, number: number): Promise<string[]> {
  const isbns = Array.from({ length: books }, (_, at) => isbnOf(number + at));
  const { rows } = await client.query<{ id: string }>(
    `insert into books (title, author, isbn, price, stock)
     select 'A Book in Demand', 'Marta Ellwood', isbn, 9.99, 2000000000 from unnest($1::text[]) isbn returning id`,
    [isbns],
  );
  return rows.map(({ id }) => id);
}

/** The n-th ISBN for books that the benchmark creates. */
export function isbnOf(n: number): string {
  const digits = `978${String(n).padStart(9, "0")}`;
  return digits + checkDigit13(digits);
}
