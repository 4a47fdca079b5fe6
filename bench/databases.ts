/** The databases of the benchmark: Octavo's, and copies with the same books for those who search them in another way. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import pg from "pg";
import type { Postgres } from "../dev/postgres.ts";
import { withoutIndexes } from "../dev/seed.ts";
import { withClient } from "../ops/command.ts";
import { migrate } from "../ops/migrations.ts";

const BATCH = 5_000;

export interface Database {
  url: string;
  client: pg.Client;
  /** Deletes the books that a workload has created; as the newest books, they would head the listings. */
  removeCreated(): Promise<void>;
  close(): Promise<void>;
}

export async function openDatabase(url: string): Promise<Database> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("set statement_timeout = 0");
  await removeCreated(client);
  return {
    url,
    client,
    removeCreated: () => removeCreated(client),
    async close() {
      await removeCreated(client);
      await client.end();
    },
  };
}

/** Seeded books have ISBNs that begin with 979; the benchmark creates books with 978. */
async function removeCreated(client: pg.Client): Promise<void> {
  await client.query("truncate idempotency_keys");
  const { rowCount } = await client.query("delete from books where isbn like '978%'");
  if (rowCount) await vacuum(client);
}

/** Vacuums the tables that grow with the books; those of the search and the feed are missing in older versions. */
export async function vacuum(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ tables: string }>(
    `select string_agg(name, ', ') as tables from unnest(array['books', 'book_changes', 'stock_movements', 'book_search', 'search_words']) name
     where to_regclass(name) is not null`,
  );
  await client.query(`vacuum analyze ${rows[0]?.tables}`);
}

/** What the peers' searches need. The conditions are in `bench/peers/`. */
export const PEER_SEARCHES = {
  ilike: "create index peer_search_idx on books using gin (title gin_trgm_ops, author gin_trgm_ops)",
  websearch:
    "create index peer_search_idx on books using gin (to_tsvector('english', title || ' ' || author))",
};

export type PeerSearch = keyof typeof PEER_SEARCHES;

/**
 * A copy where writes pay for the index of a peer's search, and not for Octavo's search. The ids are the same.
 *
 * @param source the name of a database without connections
 * @returns the connection string
 */
export async function copyForPeers(postgres: Postgres, source: string, search: PeerSearch): Promise<string> {
  const name = `${source}_${search}`;
  const url = postgres.url(name);
  await postgres.createDatabase(name, source);
  await migrate(url);
  await withClient(url, async (client) => {
    const { rows } = await client.query<{ trigger: string }>(
      `select quote_ident(tgname) as trigger from pg_trigger where tgrelid = 'books'::regclass and tgname like 'books_search_%'`,
    );
    for (const { trigger } of rows) await client.query(`alter table books disable trigger ${trigger}`);
    const index = await client.query("select to_regclass('peer_search_idx') is not null as exists");
    if (index.rows[0]?.exists) return;
    console.log(`Building the index for peers that search with ${search}`);
    await client.query("set statement_timeout = 0; set maintenance_work_mem = '256MB'");
    await client.query(PEER_SEARCHES[search]);
    await vacuum(client);
  });
  return url;
}

/**
 * A database with the migrations of another version, and the same books with the same ids.
 *
 * @param source the connection string of the database to copy from
 * @param root the other version's tree
 * @returns the connection string
 */
export async function copyForVersion(
  postgres: Postgres,
  source: string,
  { name, root }: { name: string; root: string },
): Promise<string> {
  const { migrate }: typeof import("../ops/migrations.ts") = await import(
    pathToFileURL(join(root, "ops/migrations.ts")).href
  );
  return copyForMigrations(postgres, source, name, migrate);
}

/** As {@link copyForVersion}; `migrate` makes the tables, and may be called again. */
export async function copyForMigrations(
  postgres: Postgres,
  source: string,
  name: string,
  migrate: (url: string) => Promise<unknown>,
): Promise<string> {
  const url = postgres.url(name);
  await postgres.createDatabase(name);
  await migrate(url);
  await withClient(url, async (client) => {
    const { rows } = await client.query("select from books limit 1");
    if (rows.length > 0) return;
    console.log("Copying the books into a database with the other commit's migrations");
    await client.query("begin; set local statement_timeout = 0; set local maintenance_work_mem = '256MB'");
    await withClient(source, (from) =>
      withoutIndexes(
        client,
        () => copyBooks(from, client),
        () => {},
      ),
    );
    await client.query("commit");
    await client.query("set statement_timeout = 0");
    await vacuum(client);
  });
  return url;
}

/** Only the columns that the benchmark fills, because others may be missing in the other version. */
const COLUMNS = "id, title, author, isbn, price, stock, description, created_at";

async function copyBooks(from: pg.Client, to: pg.Client): Promise<void> {
  for (let last = "00000000-0000-0000-0000-000000000000"; ; ) {
    const { rows } = await from.query<{ books: string | null; last: string }>(
      `select json_agg(book)::text as books, (array_agg(id order by id desc))[1] as last
       from (select ${COLUMNS} from books where id > $1 order by id limit ${BATCH}) as book`,
      [last],
    );
    const [batch] = rows;
    if (!batch?.books) return;
    await to.query(
      `insert into books (${COLUMNS}) select ${COLUMNS} from json_populate_recordset(null::books, $1)`,
      [batch.books],
    );
    ({ last } = batch);
  }
}
