/** The books of the benchmark, and samples of them for the requests. */
import { join } from "node:path";
import type pg from "pg";
import { DATABASE } from "../dev/cli.ts";
import { type Postgres, startPostgres } from "../dev/postgres.ts";
import { generator, seedWithBar, zipf } from "../dev/seed.ts";
import { withClient } from "../ops/command.ts";
import { DATA } from "../ops/data.ts";
import { migrate } from "../ops/migrations.ts";
import { checkDigit13 } from "../src/books/isbn.ts";
import {
  copyForPeers,
  copyForVersion,
  type Database,
  openDatabase,
  type PeerSearch,
  vacuum,
} from "./databases.ts";
import type { Place } from "./requests.ts";
import { parentOf } from "./servers.ts";
import { type Sought, searchTerms } from "./terms.ts";

/** All other settings are Postgres's defaults. */
export const POSTGRES_SETTINGS = ["shared_buffers=1GB", "max_wal_size=4GB"];

const SAMPLED_BOOKS = 20_000;
const SAMPLED_PLACES = 2_000;
const TERMS = 4_000;

export interface Catalogue extends Database {
  books: number;
  /** The process whose children are the backends. */
  postmaster: number;
  /** A random sample in random order; `popularIds` repeats ids by Zipf's law. */
  ids: string[];
  popularIds: string[];
  /** Random positions in the listing of the newest books; `deepPlaces` are in its last tenth. */
  places: Place[];
  deepPlaces: Place[];
  /** What people type: titles, authors, parts and slips of them, and words that no book has. */
  terms: string[];
  /** Reserves a million ISBNs for one use in this run, and returns the number of the first. */
  reserveIsbns(): number;
  /** The same books in a database for a peer's search; see {@link openCatalogue}. */
  forPeers(search: PeerSearch): Catalogue;
  /**
   * The same books in a database for another version.
   *
   * @param migrations an identifier of its migrations
   * @param root its tree
   */
  forVersion(migrations: string, root: string): Promise<Catalogue>;
}

/**
 * Starts a separate Postgres for the benchmark, with a database of `books` books. The databases are kept for the next run,
 * because seeding takes minutes.
 *
 * @param searches the peers' ways of searching that are to have databases
 */
export async function openCatalogue(books: number, searches: PeerSearch[] = []): Promise<Catalogue> {
  const postgres = await startPostgres({
    directory: join(DATA, "bench"),
    flags: POSTGRES_SETTINGS,
    onProgress: console.log,
  });
  const opened: Database[] = [];
  const open = async (url: string) => {
    const database = await openDatabase(url);
    opened.push(database);
    return database;
  };
  const close = async () => {
    for (const database of opened) await database.close();
    await postgres.stop();
  };
  try {
    const name = `${DATABASE}_bench_${books}`;
    await prepare(postgres, name, books);
    // First, as a database with connections cannot be copied.
    const copies = new Map<PeerSearch, Database>();
    for (const search of searches) copies.set(search, await open(await copyForPeers(postgres, name, search)));
    const own = await open(postgres.url(name));
    const { rows } = await own.client.query<{ pid: number }>("select pg_backend_pid() as pid");
    let reserved = 0;
    const catalogue: Catalogue = {
      ...own,
      books,
      postmaster: await parentOf(rows[0]?.pid as number),
      ...(await sample(own.client)),
      reserveIsbns: () => 1_000_000 * reserved++,
      forPeers: (search) => ({ ...catalogue, ...(copies.get(search) as Database) }),
      async forVersion(migrations, root) {
        const version = { name: `${name}_${migrations}`, root };
        return { ...catalogue, ...(await open(await copyForVersion(postgres, own.url, version))) };
      },
      close,
    };
    return catalogue;
  } catch (error) {
    await close();
    throw error;
  }
}

/** Makes the database of so many books, unless it is there. */
export async function prepare(postgres: Postgres, name: string, books: number): Promise<void> {
  const url = postgres.url(name);
  await postgres.createDatabase(name);
  await migrate(url);
  await withClient(url, async (client) => {
    // Counting a million books takes seconds where the disk has to be read.
    await client.query("set statement_timeout = 0");
    const { rows } = await client.query<{ count: number }>(
      "select count(*)::int as count from books where isbn like '979%'",
    );
    const missing = books - (rows[0]?.count ?? 0);
    if (missing <= 0) return;
    await seedWithBar(url, missing);
    await vacuum(client);
  });
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
  // By ISBN, so that equal catalogues on two machines have the same terms.
  const sought = await client.query<Sought>(
    "select title, author from books order by hashtext(isbn), isbn limit $1",
    [TERMS],
  );
  return {
    ids,
    popularIds: ids.map(() => ids[zipf(random, ids.length)] as string),
    places: rows.slice(0, SAMPLED_PLACES),
    deepPlaces: deep.rows,
    terms: searchTerms(sought.rows, generator(13)),
  };
}

/** A timestamp as the API writes it. */
export const moment = (column: string) =>
  `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

export const KEY = moment("created_at");

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
