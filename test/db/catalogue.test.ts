/**
 * The schema as Postgres has it, from its catalogue: a column that a trigger forgets, a function that runs with the
 * search_path of its caller, or a constraint without a name breaks promises that no single request shows.
 */
import { getTableColumns, getTableName } from "drizzle-orm";
import { beforeAll, expect, test } from "vitest";
import { migrate } from "../../ops/migrations.ts";
import { Book } from "../../src/books/contract.ts";
import { books, idempotencyKeys, stockMovements, tasks } from "../../src/db/schema.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const TABLES = [books, stockMovements, idempotencyKeys, tasks];

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

/** Values that differ from those of `ROWS`, for every column that somebody may write. */
const OTHER: Record<string, Record<string, unknown>> = {
  books: {
    title: "Other",
    author: "Other",
    isbn: "9780306406157",
    price: 2,
    stock: 2,
    description: "Other",
    created_at: "2001-01-01T00:00:00Z",
  },
  tasks: { title: "Other", completed: true, created_at: "2001-01-01T00:00:00Z" },
};
const ROWS: Record<string, string> = {
  books:
    "insert into books (title, author, isbn, price, stock) values ('A', 'B', '9780486272634', 1, 1) returning id",
  tasks: "insert into tasks (title) values ('A') returning id",
};
/** What the database writes. A row of another id is another row. */
const OWN = new Set([
  "id",
  "version",
  "updated_at",
  "search_text",
  "author_search_text",
  "json",
  "json_format",
]);

const versioned = [books, tasks].flatMap((table) =>
  Object.values(getTableColumns(table))
    .filter(({ name }) => !OWN.has(name))
    .map(({ name }) => [getTableName(table), name] as const),
);

test.each(versioned)(
  "a change of %s.%s alone is a new version, stamped when it was made",
  async (table, column) => {
    const [row] = await database.sql<{ id: string }>(ROWS[table] ?? "");
    const value = OTHER[table]?.[column];
    expect(value, `a value for ${table}.${column}`).toBeDefined();
    const [changed] = await database.sql(
      `update ${table} set ${column} = $2 where id = $1 returning version::int, updated_at > now() as later`,
      [row?.id, value],
    );
    expect(changed).toEqual({ version: 2, later: true });
    const [unchanged] = await database.sql(
      `update ${table} set ${column} = ${column} where id = $1 returning version::int`,
      [row?.id],
    );
    expect(unchanged).toEqual({ version: 2 });
    await database.sql(`delete from ${table} where id = $1`, [row?.id]);
  },
);

test("the JSON of a book has the members of the contract, in their order", async () => {
  await database.sql(ROWS.books ?? "");
  const [row] = await database.sql<{ json: string }>("delete from books returning json");
  expect(Object.keys(JSON.parse(row?.json ?? ""))).toEqual(Object.keys(Book.shape));
});

test("every column of a book is a member, or the trigger writes it", () => {
  const members = new Set<string>(Object.keys(Book.shape));
  expect(Object.keys(getTableColumns(books)).filter((name) => !members.has(name))).toEqual([
    "version",
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

test("an update that changes nothing writes the JSON of an earlier format anew, and leaves the version", async () => {
  const [row] = await database.sql<{ id: string }>(ROWS.books ?? "");
  const read = async () =>
    (
      await database.sql(
        "select json, json_format, version::int, updated_at::text from books where id = $1",
        [row?.id],
      )
    )[0];
  const today = await read();
  // As a row that was written before a member came.
  await database.sql("alter table books disable trigger books_derive");
  await database.sql("update books set json = '{}', json_format = 0 where id = $1", [row?.id]);
  await database.sql("alter table books enable trigger books_derive");
  expect(await read()).toEqual({ ...today, json: "{}", json_format: 0 });
  await database.sql("update books set id = id where json_format < 1");
  expect(await read()).toEqual(today);
  await database.sql(
    "update books set json = 'x', search_text = 'x', json_format = 9, version = 9, updated_at = now()",
  );
  expect(await read()).toEqual(today);
  await database.sql("delete from books where id = $1", [row?.id]);
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

test("the tables have these triggers, all of them on", async () => {
  const rows = await database.sql<{ trigger: string }>(
    `select relname || '.' || tgname || ' ' || tgenabled::text as trigger
     from pg_trigger join pg_class on tgrelid = pg_class.oid
     where relnamespace = 'public'::regnamespace and not tgisinternal order by 1`,
  );
  expect(rows.map(({ trigger }) => trigger)).toEqual([
    "books.books_derive O",
    "books.books_first_movement O",
    "books.books_movement O",
    "stock_movements.stock_movements_replace_opening O",
    "tasks.tasks_touch O",
  ]);
});

test("every constraint has a name of its own and is valid", async () => {
  const rows = await database.sql(
    `select conrelid::regclass::text as table, conname from pg_constraint
     where connamespace = 'public'::regnamespace and contype <> 'n' and (conname !~ '^(books|stock_movements|tasks|idempotency_keys)_' or not convalidated)`,
  );
  expect(rows).toEqual([]);
});

test("every index is valid", async () => {
  expect(await database.sql("select indexrelid::regclass from pg_index where not indisvalid")).toEqual([]);
});
