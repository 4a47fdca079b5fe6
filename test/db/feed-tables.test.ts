/** How the tables of the feed follow the books, and what the feed costs. */
import { beforeAll, describe, expect, test } from "vitest";
import { withClient } from "../../ops/command.ts";
import { migrate } from "../../ops/migrations.ts";
import { grantPrivileges } from "../../ops/privileges.ts";
import { connectOver, direct } from "../../src/db/connection.ts";
import { checkReadiness } from "../../src/db/readiness.ts";
import { createRole, createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

const INSERT =
  "insert into books (title, author, isbn, price, stock) values ('A', 'B', $1, 1, 5) returning id";
let number = 9780000000000;

async function add(): Promise<string> {
  const [row] = await database.sql<{ id: string }>(INSERT, [`${number++}`]);
  return `${row?.id}`;
}

const rowOf = async (id: string) =>
  (
    await database.sql<{
      xid: string;
      stock: number | null;
      isbn: string | null;
      version: number | null;
      dead: boolean;
    }>(
      `select xid::text, stock, isbn, version::int, deleted_at is not null as dead from book_changes where book_id = $1`,
      [id],
    )
  )[0];

/** Every book has its row, and every other row is a tombstone. */
const expectComplete = async (of = database) =>
  expect(
    await of.sql(
      `select id, book_id, books.stock, change.stock as noted from books
       full join (select * from book_changes where deleted_at is null) as change on id = book_id
       where books.stock is distinct from change.stock`,
    ),
  ).toEqual([]);

describe("the rows of the feed", () => {
  test("follow inserts, updates and deletions, and a book that comes back under its id", async () => {
    const id = await add();
    const born = await rowOf(id);
    expect(born).toMatchObject({ stock: 5, isbn: null, version: null, dead: false });
    await database.sql("update books set stock = 7 where id = $1", [id]);
    const sold = await rowOf(id);
    expect(sold).toMatchObject({ stock: 7 });
    expect(BigInt(`${sold?.xid}`)).toBeGreaterThan(BigInt(`${born?.xid}`));
    await database.sql("update books set stock = 7 where id = $1", [id]);
    expect(await rowOf(id), "after an update that changes nothing").toEqual(sold);
    const [{ isbn } = { isbn: "" }] = await database.sql<{ isbn: string }>(
      "delete from books where id = $1 returning isbn",
      [id],
    );
    expect(await rowOf(id)).toMatchObject({ stock: null, isbn, version: 3, dead: true });
    await database.sql("insert into books (id, title, author, isbn, price) values ($1, 'A', 'B', $2, 1)", [
      id,
      isbn,
    ]);
    expect(await rowOf(id)).toMatchObject({ stock: 0, isbn: null, version: null, dead: false });
    await expectComplete();
  });

  test("follow a change of the id, a rollback and TRUNCATE", async () => {
    const id = await add();
    const before = await rowOf(id);
    await database.sql("begin; update books set stock = 9; delete from books; rollback");
    expect(await rowOf(id)).toEqual(before);
    const other = "00000000-0000-7000-8000-00000000000a";
    // Without stock, there is no movement that would hold it.
    const [empty] = await database.sql<{ id: string }>(INSERT.replace("5)", "0)"), [`${number++}`]);
    await database.sql("update books set id = $2 where id = $1", [empty?.id, other]);
    expect(await rowOf(other)).toMatchObject({ dead: false });
    await expectComplete();
    await database.sql("truncate books cascade");
    expect(await rowOf(id)).toMatchObject({ dead: true, version: 2, stock: null });
    await expectComplete();
  });

  test("cannot be written by the app's role, whose books have them all the same", async () => {
    const { role, url } = await createRole(database);
    await withClient(database.url, (client) => grantPrivileges(client, role));
    const run = (text: string, values: unknown[] = []) =>
      withClient(url, (client) => client.query(text, values));
    const { rows } = await run(INSERT, [`${number++}`]);
    await run("update books set stock = 1 where id = $1", [rows[0].id]);
    await run("delete from books where id = $1", [rows[0].id]);
    expect(await rowOf(rows[0].id)).toMatchObject({ dead: true });
    for (const statement of [
      "insert into book_changes (book_id, xid) values (gen_random_uuid(), '1')",
      "update book_changes set xid = '1'",
      "delete from book_changes",
      "update book_feed set epoch = default",
      "delete from book_feed",
    ]) {
      await expect(run(statement), statement).rejects.toThrow("permission denied");
    }
  });
});

describe("tombstones", () => {
  const bury = async (count: number, age: string) => {
    await database.sql(
      `insert into books (title, author, isbn, price) select 'Dead', 'B', ($1::bigint + n)::text, 1 from generate_series(1, $2::int) n`,
      [number, count],
    );
    number += count + 1;
    await database.sql("delete from books where title = 'Dead'");
    await database.sql(
      "update book_changes set deleted_at = now() - $1::interval where deleted_at > now() - interval '1 minute'",
      [age],
    );
  };
  const count = async () =>
    (
      await database.sql<{ count: number }>(
        "select count(*)::int from book_changes where deleted_at is not null",
      )
    )[0]?.count ?? 0;

  test("of 30 days and more are removed by deletions, a few by each", async () => {
    await database.sql("delete from book_changes where deleted_at is not null");
    await bury(25, "29 days 23 hours");
    await database.sql("delete from books where id = $1", [await add()]);
    expect(await count()).toBe(26);
    await database.sql("update book_changes set deleted_at = now() - interval '31 days'");
    // A transaction of another test, which may have begun before, keeps them.
    const removal = async () => {
      await database.sql("delete from books where id = $1", [await add()]);
      const [{ expired } = {}] = await database.sql<{ expired: number }>(
        "select count(*)::int as expired from book_changes where deleted_at < now() - interval '30 days'",
      );
      return expired;
    };
    await expect.poll(removal, { interval: 200 }).toBeLessThan(20);
    const [feed] = await database.sql<{ removed: boolean }>(
      "select removed_to > '0' as removed from book_feed",
    );
    expect(feed).toEqual({ removed: true });
  });

  test("are left to another transaction that removes some, without waiting for it", async () => {
    await bury(5, "31 days");
    const release = await database.hold("select from book_feed for update");
    const before = await count();
    await database.sql("delete from books where id = $1", [await add()]);
    expect(await count()).toBe(before + 1);
    await release();
  });
});

describe("migrating", () => {
  test("enters the books that have no row while they are written, and can be repeated", async () => {
    const own = await createTestDatabase();
    await own.sql(
      `insert into books (title, author, isbn, price, stock) select 'A', 'B', '979' || 1000000000 + n, 1, n % 9 from generate_series(1, 5000) n`,
    );
    await own.sql("delete from book_changes where stock > 2; update book_feed set cluster = null");
    const writes = (async () => {
      for (let at = 1; at <= 200; at++) {
        const isbn = `979${1000000000 + at * 25}`;
        await own.sql(
          at % 4 === 0
            ? "delete from books where isbn = $1"
            : "update books set stock = stock + 1 where isbn = $1",
          [isbn],
        );
      }
    })();
    await migrate(own.url);
    await writes;
    await expectComplete(own);
    expect(await own.sql("select cluster is not null as is_complete from book_feed")).toEqual([
      { is_complete: true },
    ]);
    const rows = () => own.sql("select * from book_changes order by book_id");
    const complete = await rows();
    await migrate(own.url);
    expect(await rows()).toEqual(complete);
  });

  test("renews ids of transactions that are yet to come, as a dump of another cluster has them", async () => {
    const own = await createTestDatabase();
    await own.sql(INSERT, ["9780000000001"]);
    await own.sql(
      "update book_changes set xid = '123456789012'; update book_feed set removed_to = '123456789012', cluster = 1",
    );
    const database = connectOver(
      direct({ query: ({ text, values }) => own.sql(text, values), batch: async () => [] }),
    )(60_000);
    const warnings = async () => (await checkReadiness(database)).join(" ");
    expect(await warnings()).toContain("restored from another cluster");
    await migrate(own.url);
    expect(await warnings()).not.toContain("restored from another cluster");
    expect(await own.sql("select from book_changes where xid > pg_current_xact_id()")).toEqual([]);
    expect(await own.sql("select removed_to::text from book_feed")).toEqual([{ removed_to: "0" }]);
  });

  test("a database whose books are not all entered is not ready", async () => {
    const own = await createTestDatabase();
    await own.sql("update book_feed set cluster = null");
    const database = connectOver(
      direct({ query: ({ text, values }) => own.sql(text, values), batch: async () => [] }),
    )(60_000);
    await expect(checkReadiness(database)).rejects.toThrow("has not entered all books");
  });
});

const BOOK_COLUMNS = "id, title, author, isbn, price, stock";
const CHANGE_COLUMNS = "book_id, xid, stock, isbn, version, deleted_at";

test.each([
  ["books first", ["books", "book_changes", "book_feed"]],
  ["the feed first", ["book_feed", "book_changes", "books"]],
])("a restore of data alone has every row, of now, in a new epoch: %s", async (_, order) => {
  const [saved, restored] = [await createTestDatabase(), await createTestDatabase()];
  await saved.sql(
    `insert into books (title, author, isbn, price, stock) select 'A', 'B', '979' || 1000000000 + n, 1, n from generate_series(1, 5) n`,
  );
  await saved.sql("delete from books where stock = 5; update book_changes set xid = '123456789012'");
  const epochOf = async () =>
    (await restored.sql<{ epoch: string }>("select epoch from book_feed"))[0]?.epoch;
  const epoch = await epochOf();
  for (const table of order) {
    const columns =
      table === "books"
        ? BOOK_COLUMNS
        : table === "book_changes"
          ? CHANGE_COLUMNS
          : "epoch, removed_to, cluster";
    const rows = await saved.sql<{ row: object }>(
      `select row_to_json(r) as row from (select ${columns} from ${table}) r`,
    );
    for (const { row } of rows) {
      await restored.sql(
        `insert into ${table} (${columns}) select ${columns} from json_populate_record(null::${table}, $1)`,
        [row],
      );
    }
  }
  await expectComplete(restored);
  expect(await restored.sql("select isbn from book_changes where deleted_at is not null")).toEqual([
    { isbn: "9791000000005" },
  ]);
  expect(await restored.sql("select from book_changes where xid > pg_current_xact_id()")).toEqual([]);
  expect(await restored.sql("select count(*)::int from book_feed")).toEqual([{ count: 1 }]);
  expect(await epochOf()).not.toBe(epoch);
});

test("more than nine of ten sales are HOT updates of the book, without the feed and with it", async () => {
  const shareOfSales = async (trigger: "enable" | "disable") => {
    const own = await createTestDatabase();
    await own.sql(`alter table books ${trigger} trigger books_change_update`);
    await own.sql(
      `insert into books (title, author, isbn, price, stock)
       select 'A', 'B', '979' || 1000000000 + n, 1, 1000 from generate_series(1, 1000) n`,
    );
    // Each sale is a transaction, of one of 20 books in demand.
    await own.sql(`do $$ begin for n in 1..1000 loop
      update books set stock = stock - 1 where isbn = '979' || 1000000001 + n * 7 % 20 * 50; commit; end loop; end $$`);
    const updates = async () => {
      const [row] = await own.sql<{ hot: number; all: number }>(
        "select n_tup_hot_upd::int as hot, n_tup_upd::int as all from pg_stat_user_tables where relname = 'books'",
      );
      return row ?? { hot: 0, all: 0 };
    };
    await expect.poll(async () => (await updates()).all, { timeout: 20_000 }).toBe(1000);
    return (await updates()).hot / 1000;
  };
  // A transaction that stays open in another test's database keeps Postgres from pruning pages meanwhile.
  for (const trigger of ["disable", "enable"] as const) {
    await expect.poll(() => shareOfSales(trigger), { timeout: 60_000, interval: 500 }).toBeGreaterThan(0.9);
  }
}, 150_000);
