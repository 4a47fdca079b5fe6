/** What an import writes, against a real database: policies, batches, and others who write meanwhile. */
import { beforeAll, expect, test } from "vitest";
import { readCsv } from "../../src/catalogue/csv.ts";
import { type ImportPolicy, importRows, type Progress, type Summary } from "../../src/catalogue/importer.ts";
import { readNdjson } from "../../src/catalogue/ndjson.ts";
import { readOnix } from "../../src/catalogue/onix.ts";
import type { RowBatches } from "../../src/catalogue/rows.ts";
import { connectOver, direct } from "../../src/db/connection.ts";
import { type PooledDriver, pooledDriver } from "../../src/db/pool.ts";
import type { Connect, Database } from "../../src/db/ports.ts";
import { isbnOf } from "../support/books.ts";
import { inChunks } from "../support/catalogue.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { atEnd } from "../support/end.ts";
import { message, product } from "../support/onix.ts";

let database: TestDatabase;
let driver: PooledDriver;
let connect: Connect;

beforeAll(async () => {
  database = await createTestDatabase();
  driver = pooledDriver({ url: database.url, size: 4, timeout: 30_000 });
  connect = connectOver(direct(driver));
  atEnd(() => driver.end());
});

const DEFAULTS: ImportPolicy = {
  dryRun: false,
  onError: "skip",
  noDelete: false,
  defaultPrice: undefined,
  only: undefined,
  skipRows: 0,
  actor: "importer",
};

interface Report {
  refused: string[];
  progress: Progress[];
  summary: Summary;
}

async function run(
  source: RowBatches,
  policy: Partial<ImportPolicy> = {},
  database?: () => Database,
): Promise<Report> {
  const events = importRows(source, database ?? (() => connect(30_000)), { ...DEFAULTS, ...policy });
  const report: Report = { refused: [], progress: [], summary: {} as Summary };
  for (;;) {
    const { done, value } = await events.next();
    if (done) return { ...report, summary: value };
    if (value.kind === "progress") report.progress.push(value.progress);
    else
      report.refused.push(
        `${value.row.row} ${value.row.details.map(({ path, code }) => `${path}:${code}`).join()}`,
      );
  }
}

const csv = (text: string, policy?: Partial<ImportPolicy>) =>
  run(readCsv(inChunks(text), { only: policy?.only }), policy);
const ndjson = (books: object[], policy?: Partial<ImportPolicy>) =>
  run(readNdjson(inChunks(books.map((book) => `${JSON.stringify(book)}\n`).join(""))), policy);

let next = 0;
const newIsbn = () => isbnOf(700_000_000 + next++);
const bookOf = async (isbn: string): Promise<Record<string, unknown>> => {
  const [row] = await database.sql<{ json: string }>("select json from books where isbn = $1", [isbn]);
  return row ? JSON.parse(row.json) : {};
};
const countsOf = ({ created, updated, unchanged, deleted, refused }: Progress) => [
  created,
  updated,
  unchanged,
  deleted,
  refused,
];

test("new books get what they have, and the defaults of POST for the rest", async () => {
  const isbn = newIsbn();
  const { summary } = await ndjson([{ isbn, title: "A", author: "B", price: 4.5, subjects: ["x", "y"] }]);
  expect(countsOf(summary)).toEqual([1, 0, 0, 0, 0]);
  expect(await bookOf(isbn)).toMatchObject({
    title: "A",
    price: 4.5,
    stock: 0,
    subjects: ["x", "y"],
    pages: null,
  });
});

test("a row changes the members that it has, and null clears them", async () => {
  const isbn = newIsbn();
  await ndjson([
    { isbn, title: "A", author: "B", price: 4, stock: 3, description: "d", pages: 9, format: "ebook" },
  ]);
  const { summary } = await ndjson([{ isbn, price: 5, description: null }]);
  expect(countsOf(summary)).toEqual([0, 1, 0, 0, 0]);
  expect(await bookOf(isbn)).toMatchObject({
    title: "A",
    price: 5,
    stock: 3,
    description: null,
    pages: 9,
    format: "ebook",
  });
});

test("the same file again changes nothing, not even updated_at", async () => {
  const [first, second] = [newIsbn(), newIsbn()];
  const file = `isbn,title,author,price,stock,subjects\n${first},A,B,4.50,3,x|y\n${second},C,D,1,0,\n`;
  const before = await csv(file);
  const books = [await bookOf(first), await bookOf(second)];
  const after = await csv(file);
  expect([countsOf(before.summary), countsOf(after.summary)]).toEqual([
    [2, 0, 0, 0, 0],
    [0, 0, 2, 0, 0],
  ]);
  expect([await bookOf(first), await bookOf(second)]).toEqual(books);
});

test("every change of stock leaves a movement", async () => {
  const isbn = newIsbn();
  for (const stock of [5, 2, 2, 0]) await csv(`isbn,title,author,price,stock\n${isbn},A,B,1,${stock}\n`);
  const movements = await database.sql(
    "select delta, stock_after, reason, actor from stock_movements where isbn = $1 order by id",
    [isbn],
  );
  const by = { reason: "import", actor: "importer" };
  expect(movements).toEqual([
    { delta: 5, stock_after: 5, ...by },
    { delta: -3, stock_after: 2, ...by },
    { delta: -2, stock_after: 0, ...by },
  ]);
});

test("a new book without what it needs is refused, and a default price fills in for a missing column", async () => {
  const [first, second] = [newIsbn(), newIsbn()];
  const file = `isbn,title,author\n${first},A,B\n${second},C,D\n`;
  expect((await csv(file)).refused).toEqual(["1 price:required", "2 price:required"]);
  expect((await ndjson([{ isbn: first, stock: 1 }])).refused).toEqual([
    "1 title:required,author:required,price:required",
  ]);
  const defaults = { defaultPrice: "7.50" };
  expect((await ndjson([{ isbn: first }], defaults)).refused).toEqual(["1 title:required,author:required"]);
  expect(countsOf((await csv(file, defaults)).summary)).toEqual([2, 0, 0, 0, 0]);
  expect(await bookOf(first)).toMatchObject({ price: 7.5 });
});

test("a default price leaves the prices of known books alone", async () => {
  const isbn = newIsbn();
  await ndjson([{ isbn, title: "A", author: "B", price: 4 }]);
  await csv(`isbn,title\n${isbn},Z\n`, { defaultPrice: "7.50" });
  expect(await bookOf(isbn)).toMatchObject({ title: "Z", price: 4 });
});

test("stock without a price above 0 is refused, on the merged record", async () => {
  const [free, sold, fresh] = [newIsbn(), newIsbn(), newIsbn()];
  await ndjson([
    { isbn: free, title: "A", author: "B", price: 0 },
    { isbn: sold, title: "A", author: "B", price: 1, stock: 4 },
  ]);
  const { refused, summary } = await ndjson(
    [
      { isbn: free, stock: 1 },
      { isbn: sold, price: 0 },
      { isbn: fresh, title: "A", author: "B", stock: 1 },
    ],
    { defaultPrice: "0" },
  );
  expect([refused, countsOf(summary)]).toEqual([
    [1, 2, 3].map((row) => `${row} price:zero_price_with_stock`),
    [0, 0, 0, 0, 3],
  ]);
  expect([await bookOf(free), await bookOf(sold)]).toMatchObject([{ stock: 0 }, { price: 1 }]);
});

test("of duplicates in one file the last wins, and the summary counts them", async () => {
  const [first, second] = [newIsbn(), newIsbn()];
  const book = { title: "A", author: "B", price: 1 };
  const { summary } = await ndjson([
    { isbn: first, ...book, pages: 3 },
    { isbn: second, ...book },
    { isbn: first, price: 2 },
    { isbn: first, title: "C" },
  ]);
  expect([countsOf(summary), summary.duplicates]).toEqual([[2, 0, 0, 0, 0], 2]);
  expect(await bookOf(first)).toMatchObject({ title: "C", price: 2, pages: 3 });
});

test("duplicates in different batches count too", async () => {
  const books = Array.from({ length: 5001 }, () => ({ isbn: newIsbn(), title: "A", author: "B", price: 1 }));
  const { summary, progress } = await ndjson([...books, { ...books[0], title: "Z" }]);
  expect([summary.duplicates, progress.map(({ rows }) => rows), summary.created, summary.updated]).toEqual([
    1,
    [5000, 5002],
    5001,
    1,
  ]);
  expect(await bookOf(books[0]?.isbn ?? "")).toMatchObject({ title: "Z" });
});

test("books of a file get ids in its order, whatever their ISBNs", async () => {
  const isbns = Array.from({ length: 5000 }, newIsbn).reverse();
  await ndjson(isbns.map((isbn) => ({ isbn, title: "A", author: "B", price: 1 })));
  const rows = await database.sql<{ isbn: string; id: string }>(
    "select isbn, id::text from books where isbn = any($1) order by id",
    [isbns],
  );
  expect(rows.map(({ isbn }) => isbn)).toEqual(isbns);
  expect(rows.every(({ id }) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]/.test(id))).toBe(true);
});

test("a dry run counts what an import would do, and writes nothing", async () => {
  const [known, gone, fresh] = [newIsbn(), newIsbn(), newIsbn()];
  const book = { title: "A", author: "B", price: 1 };
  await ndjson([known, gone].map((isbn) => ({ isbn, ...book })));
  const { refused, summary } = await ndjson(
    [{ isbn: known, title: "Z" }, { isbn: gone, ...book }, { isbn: fresh, ...book }, { isbn: newIsbn() }],
    { dryRun: true },
  );
  expect([refused.length, countsOf(summary)]).toEqual([1, [1, 1, 1, 0, 1]]);
  expect([await bookOf(known), await bookOf(fresh)]).toMatchObject([{ title: "A" }, {}]);
});

test("with onError stop, nothing of the batch with the first refused row is written", async () => {
  const book = { title: "A", author: "B", price: 1 };
  const good = Array.from({ length: 5000 }, () => ({ isbn: newIsbn(), ...book }));
  const later = [{ isbn: newIsbn(), ...book }, { isbn: newIsbn() }, { isbn: newIsbn(), ...book }];
  const { refused, progress, summary } = await ndjson([...good, ...later], { onError: "stop" });
  expect([refused, summary.stopped, summary.rows, progress.length]).toEqual([
    ["5002 title:required,author:required,price:required"],
    true,
    5000,
    1,
  ]);
  expect(await bookOf(later[0]?.isbn ?? "")).toEqual({});
  const parsed = await csv(`isbn,title,author,price\n${newIsbn()},A,B,1\nx,A,B,1\n`, { onError: "stop" });
  expect([parsed.refused, countsOf(parsed.summary)]).toEqual([["2 isbn:invalid_isbn"], [0, 0, 0, 0, 1]]);
});

test("a price feed touches prices and stock alone, and refuses unknown books", async () => {
  const [known, unknown] = [newIsbn(), newIsbn()];
  await ndjson([{ isbn: known, title: "A", author: "B", price: 1 }]);
  const only = ["price", "stock"] as const;
  const { refused } = await csv(`isbn,title,price,stock\n${known},Z,2,3\n${unknown},Z,2,3\n`, { only });
  expect(refused).toEqual(["2 isbn:not_found"]);
  expect(await bookOf(known)).toMatchObject({ title: "A", price: 2, stock: 3 });
});

test("withdrawn books are deleted, or with noDelete keep their row without stock", async () => {
  const onix = (policy?: Partial<ImportPolicy>) =>
    run(readOnix(inChunks(message(product({ kind: "05" }), product({ kind: "05" })))), policy);
  const [row] = await database.sql<{ n: number }>("select count(*)::int as n from books");
  const { summary: unknown } = await onix();
  expect(countsOf(unknown)).toEqual([0, 0, 1, 0, 0]);
  const isbn = "9780306406157";
  await ndjson([{ isbn, title: "A", author: "B", price: 1, stock: 4 }]);
  expect(countsOf((await onix({ noDelete: true })).summary)).toEqual([0, 1, 0, 0, 0]);
  expect(await bookOf(isbn)).toMatchObject({ stock: 0 });
  expect(countsOf((await onix({ noDelete: true })).summary)).toEqual([0, 0, 1, 0, 0]);
  await ndjson([{ isbn, stock: 2 }]);
  expect(countsOf((await onix()).summary)).toEqual([0, 0, 0, 1, 0]);
  const closing = "select delta, reason, actor from stock_movements where isbn = $1 order by id desc limit 1";
  expect(await database.sql(closing, [isbn])).toEqual([{ delta: -2, reason: "deleted", actor: "importer" }]);
  expect(await database.sql("select count(*)::int as n from books")).toEqual([row]);
});

test("an import goes on behind the rows that were imported before", async () => {
  const isbns = [newIsbn(), newIsbn(), newIsbn()];
  const books = isbns.map((isbn) => ({ isbn, title: "A", author: "B", price: 1 }));
  const { progress } = await ndjson(books, { skipRows: 2 });
  expect(progress).toMatchObject([{ rows: 3, created: 1 }]);
  expect(await bookOf(isbns[1] ?? "")).toEqual({});
});

test("a book that others create or delete meanwhile is written all the same", async () => {
  const [created, deleted] = [newIsbn(), newIsbn()];
  await ndjson([{ isbn: deleted, title: "A", author: "B", price: 1 }]);
  const commit = await database.hold(
    `with gone as (delete from books where isbn = $2)
     insert into books (title, author, isbn, price, pages) values ('Other', 'B', $1, 2, 5)`,
    [created, deleted],
  );
  const importing = ndjson([
    { isbn: deleted, title: "Back", author: "B", price: 1 },
    { isbn: created, title: "Mine", author: "C", price: 3 },
  ]);
  await expect.poll(() => database.waiting()).toBe(1);
  await commit();
  expect(countsOf((await importing).summary)).toEqual([1, 1, 0, 0, 0]);
  expect(await bookOf(created)).toMatchObject({ title: "Mine", pages: 5 });
  expect(await bookOf(deleted)).toMatchObject({ title: "Back" });
});

test("an import wins over an edit that it waited for, and merges with it", async () => {
  const isbn = newIsbn();
  await ndjson([{ isbn, title: "A", author: "B", price: 1, stock: 1 }]);
  const commit = await database.hold("update books set title = 'Edited', stock = 9 where isbn = $1", [isbn]);
  const importing = ndjson([{ isbn, price: 2, stock: 3 }]);
  await expect.poll(() => database.waiting()).toBe(1);
  await commit();
  await importing;
  expect(await bookOf(isbn)).toMatchObject({ title: "Edited", price: 2, stock: 3 });
});

test("a batch is one round trip", async () => {
  let calls = 0;
  const counted: Connect = connectOver(
    direct({
      query() {
        throw new Error("A batch is a transaction.");
      },
      batch(...call) {
        calls++;
        return driver.batch(...call);
      },
    }),
  );
  const books = Array.from({ length: 5001 }, () => ({ isbn: newIsbn(), title: "A", author: "B", price: 1 }));
  const lines = books.map((book) => `${JSON.stringify(book)}\n`).join("");
  await run(readNdjson(inChunks(lines)), {}, () => counted(30_000));
  expect(calls).toBe(2);
});

test("a batch ends at 4 MiB", async () => {
  const description = "x".repeat(9000);
  const books = Array.from({ length: 1000 }, () => ({
    isbn: newIsbn(),
    title: "A",
    author: "B",
    price: 1,
    description,
  }));
  const { progress } = await ndjson(books);
  expect(progress.length).toBe(3);
});

test("when the database goes, what was reported is committed and nothing else is", async () => {
  const books = Array.from({ length: 15_000 }, () => ({
    isbn: newIsbn(),
    title: "A",
    author: "B",
    price: 1,
  }));
  const release = await database.hold(
    "insert into books (isbn, title, author, price) values ($1, 'held', 'B', 1)",
    [books[14_000]?.isbn],
  );
  const lines = books.map((book) => `${JSON.stringify(book)}\n`).join("");
  const events = importRows(readNdjson(inChunks(lines)), () => connect(30_000), DEFAULTS);
  let reported = 0;
  const importing = (async () => {
    for await (const event of events) if (event.kind === "progress") reported = event.progress.rows;
  })();
  const failure = expect(importing).rejects.toMatchObject({ name: "UnavailableFault" });
  await expect.poll(() => database.waiting(), { timeout: 20_000 }).toBe(1);
  await database.sql(
    "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
  );
  await failure;
  await release();
  const [row] = await database.sql(
    "select count(*)::int as n from books where title <> 'held' and isbn = any($1)",
    [books.map(({ isbn }) => isbn)],
  );
  expect([reported, row]).toEqual([10_000, { n: 10_000 }]);
});
