/** What a migration leaves to be done while the service runs. Each step can be stopped, and goes on with the next run. */
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";

/** Comments may stand before the statement. */
const CONCURRENT = /^(?:\s*--.*\n)*\s*CREATE (?:UNIQUE )?INDEX CONCURRENTLY (?:IF NOT EXISTS )?"(\w+)"/i;

export const isConcurrent = (statement: string): boolean => CONCURRENT.test(statement);

/**
 * Does all that migrations leave. Migrators that run at the same time can deadlock here, because an index that is built
 * concurrently waits for the transactions of others, or begin the same index. Whoever fails goes on with what is left.
 *
 * @param statements the statements of the migrations that are {@link isConcurrent}
 */
export async function finishMigrations(
  client: pg.Client,
  statements: string[],
  onProgress: (sentence: string) => void,
): Promise<void> {
  for (;;) {
    try {
      await buildIndexes(client, statements, onProgress);
      await validateConstraints(client);
      await rewriteBooks(client, onProgress);
      await enterBooks(client, onProgress, "octavo_enter_missing_books", "the search");
      await enterBooks(client, onProgress, "octavo_note_missing_books", "the feed");
      return await completeFeed(client);
    } catch (error) {
      if (!OVERTAKEN.includes(`${(error as pg.DatabaseError).code}`)) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

/**
 * Builds the indexes that migrations create CONCURRENTLY, while rows are read and written. An index that an interrupted build
 * left invalid is built again.
 */
async function buildIndexes(
  client: pg.Client,
  statements: string[],
  onProgress: (sentence: string) => void,
): Promise<void> {
  for (const statement of statements) {
    const [, name = ""] = statement.match(CONCURRENT) ?? [];
    await buildIndex(client, name, statement, onProgress);
  }
}

async function buildIndex(
  client: pg.Client,
  name: string,
  statement: string,
  onProgress: (sentence: string) => void,
): Promise<void> {
  const { rows } = await client.query<{ valid: boolean; building: boolean; empty: boolean }>(
    `select indisvalid as valid, not exists (select from books) as empty,
       exists (select from pg_stat_progress_create_index where index_relid = indexrelid) as building
     from (select to_regclass($1) as sought) as one left join pg_index on indexrelid = sought`,
    [`public.${name}`],
  );
  const [index] = rows;
  if (index?.valid) return;
  if (index?.building) {
    await sleep(PAUSE_MS);
    return buildIndex(client, name, statement, onProgress);
  }
  if (!index?.empty) onProgress(`Building the index ${name}.`);
  // A setting of the session, because CONCURRENTLY cannot run in a transaction.
  await client.query("set statement_timeout = 0");
  try {
    if (index?.valid === false) await client.query(`drop index concurrently ${name}`);
    await client.query(statement);
  } finally {
    await client.query("reset statement_timeout");
  }
}

/** A deadlock, or an index that another migrator has begun to build, or has dropped to build it again. */
const OVERTAKEN = ["40P01", "42P07", "42704"];
const PAUSE_MS = 100;

/**
 * Validates the constraints that migrations added NOT VALID. This reads whole tables, but under a lock that lets others
 * read and write; in the migration itself, nobody could.
 */
async function validateConstraints(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ table: string; name: string }>(
    `select conrelid::regclass::text as table, quote_ident(conname) as name from pg_constraint
     where connamespace = 'public'::regnamespace and not convalidated`,
  );
  for (const { table, name } of rows) {
    await withoutTimeout(client, `alter table ${table} validate constraint ${name}`);
  }
}

/** Runs a statement that may read a whole table. The setting is local: a pooler gives the connection to others afterwards. */
async function withoutTimeout<T extends pg.QueryResultRow>(
  client: pg.Client,
  text: string,
  values: unknown[] = [],
): Promise<T[]> {
  await client.query("begin; set local statement_timeout = 0");
  try {
    const { rows } = await client.query<T>(text, values);
    await client.query("commit");
    return rows;
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}

/** Books that one transaction rewrites. Whoever changes one of them meanwhile waits for it. */
const BATCH = 1000;

/**
 * Brings the JSON of books that an earlier version wrote to today's format, in batches that commit, while the books are
 * read and changed. Their versions stay. It can be stopped at any time, and goes on with the next run.
 */
async function rewriteBooks(client: pg.Client, onProgress: (sentence: string) => void): Promise<void> {
  let last = "00000000-0000-0000-0000-000000000000";
  for (let done = 0; ; ) {
    const rows = await withoutTimeout<{ id: string }>(
      client,
      `with old as (
         select id from books where id > $1 and json_format <> octavo_book_format() order by id limit ${BATCH} for update
       )
       update books set id = books.id from old where books.id = old.id returning books.id`,
      [last],
    );
    if (rows.length === 0) return;
    done += rows.length;
    last = rows.reduce((greatest, { id }) => (id > greatest ? id : greatest), last);
    if (done % (100 * BATCH) === 0) onProgress(`Rewriting books in today's format: ${done} so far.`);
  }
}

/** Adds the books that the search or the feed does not know yet, in batches like {@link rewriteBooks}. */
async function enterBooks(
  client: pg.Client,
  onProgress: (sentence: string) => void,
  enter: "octavo_enter_missing_books" | "octavo_note_missing_books",
  place: string,
): Promise<void> {
  let last: string | null = "00000000-0000-0000-0000-000000000000";
  for (let batch = 1; last !== null; batch++) {
    const rows: { last: string | null }[] = await withoutTimeout(client, `select ${enter}($1, $2) as last`, [
      last,
      BATCH,
    ]);
    last = rows[0]?.last ?? null;
    if (batch % 100 === 0) onProgress(`Adding books to ${place}: ${batch * BATCH} so far.`);
  }
}

const CLUSTER = "(select system_identifier from pg_control_system())";

/**
 * Makes the feed complete. In a database that was restored from another cluster, rows may have ids of transactions that
 * are yet to come here: they change now.
 */
async function completeFeed(client: pg.Client): Promise<void> {
  const { rowCount } = await client.query(`select from book_feed where cluster is distinct from ${CLUSTER}`);
  if (!rowCount) return;
  let renewed: number | null;
  do {
    ({ rowCount: renewed } = await client.query(
      `with foreign_rows as (
         select book_id from book_changes where xid > pg_current_xact_id() order by xid desc limit ${BATCH}
       )
       update book_changes as change set xid = pg_current_xact_id() from foreign_rows
       where change.book_id = foreign_rows.book_id`,
    ));
  } while (renewed);
  await client.query("update book_feed set removed_to = '0' where removed_to > pg_current_xact_id()");
  await client.query(`update book_feed set cluster = ${CLUSTER}`);
}
