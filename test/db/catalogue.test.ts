/**
 * The schema as Postgres's catalogue has it. It shows what no single request does: a column that a trigger forgets, a
 * function that runs with its caller's search_path, a constraint without a name of its own.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { getTableColumns, getTableName } from "drizzle-orm";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import { getTableConfig } from "drizzle-orm/pg-core";
import { beforeAll, expect, test } from "vitest";
import { migrate } from "../../ops/migrations.ts";
import { Book } from "../../src/books/book.ts";
import * as schema from "../../src/db/schema.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const TABLES: PgTable[] = Object.values(schema);
const { books } = schema;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

test("the tables have the columns of the schema, of the same types", async () => {
  const rows = await database.sql<{ table: string; column: string; type: string; required: boolean }>(
    `select relname as table, attname as column, attnotnull as required,
       format_type(atttypid, atttypmod) ||
         case when attcollation not in (0, 100) then format(' collate "%s"', collname) else '' end as type
     from pg_class join pg_attribute on attrelid = pg_class.oid left join pg_collation on attcollation = pg_collation.oid
     where relnamespace = 'public'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped`,
  );
  const declared = TABLES.flatMap((table) =>
    Object.values(getTableColumns(table)).map((column) => ({
      table: getTableName(table),
      column: column.name,
      type: column.getSQLType().replace(", ", ","),
      required: column.notNull,
    })),
  );
  const key = ({ table, column }: { table: string; column: string }) => `${table}.${column}`;
  const sorted = <T extends { table: string; column: string }>(list: T[]) =>
    list.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  expect(sorted(rows)).toEqual(sorted(declared));
});

/** The columns that only the database writes, and those that it empties. */
const OWN = new Set([
  "id",
  "version",
  "updated_at",
  "next_movement",
  "last_movement",
  "search_text",
  "author_search_text",
  "json",
  "json_format",
]);

const columnsOf = (table: PgTable): PgColumn[] =>
  Object.values(getTableColumns(table)).filter(({ name }) => !OWN.has(name));

/** Two values by the name of a column, or else by its type: a row has the first, and an update writes the second. */
const VALUES: Record<string, [unknown, unknown]> = {
  isbn: ["9780486272634", "9780306406157"],
  published: ["2008", "2008-09-14"],
  language: ["en", "pt-BR"],
  format: ["ebook", "paperback"],
  cover_url: ["https://covers.example/1.jpg", "https://covers.example/2.jpg"],
  subjects: [["A"], ["B"]],
  text: ["A", "B"],
  numeric: [1, 2],
  integer: [1, 2],
  boolean: [false, true],
  timestamp: ["2001-01-01T00:00:00Z", "2002-01-01T00:00:00Z"],
};

/** Gives the first or second value of a column. A foreign key gets the id of a new row. */
async function valueFor(table: PgTable, column: PgColumn, place: 0 | 1): Promise<unknown> {
  const references = getTableConfig(table).foreignKeys.map((key) => key.reference());
  const reference = references.find(({ columns }) => columns.includes(column));
  if (reference) return insertRow(reference.foreignTable);
  const values = VALUES[column.name] ?? VALUES[column.getSQLType().match(/^\w+/)?.[0] ?? ""];
  if (!values) throw missingValues(getTableName(table), column.name);
  return values[place];
}

const missingValues = (table: string, column: string) =>
  new Error(`Add two values for ${table}.${column} to VALUES in test/db/catalogue.test.ts.`);

/** Inserts a row of first values, and gives its id. */
async function insertRow(table: PgTable): Promise<unknown> {
  const required = columnsOf(table).filter(({ notNull, hasDefault }) => notNull && !hasDefault);
  const values = await Promise.all(required.map((column) => valueFor(table, column, 0)));
  const [row] = await database.sql<{ id: string }>(
    `insert into ${getTableName(table)} (${required.map(({ name }) => name)})
     values (${values.map((_, at) => `$${at + 1}`)}) returning id`,
    values,
  );
  return row?.id;
}

const CHECK_VIOLATION = "23514";

const versioned = TABLES.filter((table) => ["version", "updated_at"].every((name) => name in table)).flatMap(
  (table) => columnsOf(table).map((column) => [getTableName(table), column.name, table, column] as const),
);

test.each(versioned)("a change of %s.%s alone makes a new version", async (name, column, table, declared) => {
  const id = await insertRow(table);
  const value = await valueFor(table, declared, 1);
  const change = database.sql(
    `update ${name} set ${column} = $2 where id = $1 returning version::int, updated_at > now() as later`,
    [id, value],
  );
  const [changed] = await change.catch((error) => {
    throw error.code === CHECK_VIOLATION ? missingValues(name, column) : error;
  });
  expect(changed).toEqual({ version: 2, later: true });
  const [unchanged] = await database.sql(
    `update ${name} set ${column} = ${column} where id = $1 returning version::int`,
    [id],
  );
  expect(unchanged).toEqual({ version: 2 });
  await database.sql(`delete from ${name} where id = $1`, [id]);
});

test("the JSON of a book has the members of the contract, in their order", async () => {
  await insertRow(books);
  const [row] = await database.sql<{ json: string }>("delete from books returning json");
  expect(Object.keys(JSON.parse(row?.json ?? ""))).toEqual(Object.keys(Book.shape));
});

test("every column of a book is a member, or a trigger writes it", () => {
  const members = new Set<string>(Object.keys(Book.shape));
  expect(Object.keys(getTableColumns(books)).filter((name) => !members.has(name))).toEqual([
    "version",
    "next_movement",
    "last_movement",
    "search_text",
    "author_search_text",
    "json",
    "json_format",
  ]);
});

test("migrating again rewrites the books of an earlier format, and leaves their versions", async () => {
  const read = () => database.sql("select json, json_format, version::int from books order by id");
  await database.sql(
    `insert into books (title, author, isbn, price)
     select 'A', 'B', '978' || 1000000000 + number, 1 from generate_series(1, 2500) as number`,
  );
  const today = await read();
  await database.sql("alter table books disable trigger books_derive");
  await database.sql("update books set json = '{}', json_format = 0 where isbn <> '9781000000001'");
  await database.sql("alter table books enable trigger books_derive");
  await migrate(database.url);
  expect(await read()).toEqual(today);
  await database.sql("delete from books");
});

test("rewriting books may take longer than the statement timeout: it reads a whole table", async () => {
  await insertRow(books);
  await database.sql("alter table books disable trigger books_derive");
  await database.sql("update books set json_format = 0");
  await database.sql("alter table books enable trigger books_derive");
  await database.alter("set statement_timeout = 2000");
  const other = await database.connect();
  await other.query("begin; select from books for update");
  const migrating = migrate(database.url);
  await expect.poll(database.waiting).toBe(1);
  await sleep(2500);
  await other.query("commit");
  await migrating;
  await database.alter("reset statement_timeout");
  await database.sql("delete from books");
});

test("an update that changes nothing writes the JSON of an earlier format anew, and leaves the version", async () => {
  const id = await insertRow(books);
  const read = async () =>
    (
      await database.sql(
        "select json, json_format, version::int, updated_at::text from books where id = $1",
        [id],
      )
    )[0];
  const today = await read();
  // As a row that was written before a member came.
  await database.sql("alter table books disable trigger books_derive");
  await database.sql("update books set json = '{}', json_format = 0 where id = $1", [id]);
  await database.sql("alter table books enable trigger books_derive");
  expect(await read()).toEqual({ ...today, json: "{}", json_format: 0 });
  await database.sql("update books set id = id where json_format < 1");
  expect(await read()).toEqual(today);
  await database.sql(
    "update books set json = 'x', search_text = 'x', json_format = 9, version = 9, updated_at = now()",
  );
  expect(await read()).toEqual(today);
  await database.sql("delete from books where id = $1", [id]);
});

test("no function runs with the search_path of its caller", async () => {
  const rows = await database.sql(
    // A body in standard SQL is bound to what it names when it is defined.
    `select proname, proconfig from pg_proc
     where pronamespace = 'public'::regnamespace and proname like 'octavo%' and prosqlbody is null
       and not exists (select from unnest(proconfig) as setting where setting like 'search_path=%')`,
  );
  expect(rows).toEqual([]);
});

test("every trigger is enabled", async () => {
  const rows = await database.sql(
    `select tgrelid::regclass::text as table, tgname from pg_trigger join pg_class on tgrelid = pg_class.oid
     where relnamespace = 'public'::regnamespace and tgenabled <> 'O'`,
  );
  expect(rows).toEqual([]);
});

test("every constraint is valid and named after its table", async () => {
  const rows = await database.sql(
    `select relname, conname from pg_constraint join pg_class on conrelid = pg_class.oid
     where connamespace = 'public'::regnamespace and contype <> 'n'
       and (not starts_with(conname, relname || '_') or not convalidated)`,
  );
  expect(rows).toEqual([]);
});

test("migrating again validates a constraint that was added without validation", async () => {
  const { url, sql } = await createTestDatabase();
  await sql("alter table tasks add constraint tasks_title_case check (title <> lower(title)) not valid");
  await migrate(url);
  const [constraint] = await sql("select convalidated from pg_constraint where conname = 'tasks_title_case'");
  expect(constraint).toEqual({ convalidated: true });
});

test("every index is valid", async () => {
  expect(await database.sql("select indexrelid::regclass from pg_index where not indisvalid")).toEqual([]);
});
