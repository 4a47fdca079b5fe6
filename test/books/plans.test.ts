/**
 * The plans of listings, from EXPLAIN ANALYZE of the statements that the store sends. An index serves every order in
 * both directions and reads only returned rows. Every search uses an index.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { type BookQuery, bookPaging, memberOf, SORTS, type Sort } from "../../src/books/listing.ts";
import { listBooks } from "../../src/books/store.ts";
import { connectOver, direct } from "../../src/db/connection.ts";
import type { Lines, ListingPosition } from "../../src/db/keyset.ts";
import type { Database, Row } from "../../src/db/ports.ts";
import type { Statement } from "../../src/db/statements.ts";
import { readBookAndOthers, readPart, readPartStarts } from "../../src/pages/store.ts";
import { ledgerPaging } from "../../src/stock/contract.ts";
import { listAllMovements, listMovements } from "../../src/stock/movements.ts";
import { changeStock } from "../../src/stock/transactions.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

const BOOKS = 20_000;
const LIMIT = 20;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  // Each price occurs a hundred times, "common" is in a third of the titles, and "rare" is in two. A publisher, a language
  // or a subject has ten books or half of them.
  await database.sql(
    `insert into books (title, author, isbn, price, stock, created_at, publisher, language, format, published, subjects)
     select
       case when n % 3 = 0 then 'Common ' else 'Other ' end || md5(n::text) || case when n in (77, 7777) then ' rare' else '' end,
       'Author ' || md5((n % 500)::text),
       '978' || lpad(n::text, 10, '0'),
       (n % 200) + 0.99, greatest(n % 100 - 50, 0), '2026-01-01'::timestamptz + n / 2 * interval '1 microsecond',
       case when n % 2 = 0 then 'Common' else 'Rare ' || n % 2000 end, case when n % 2 = 0 then 'en' else 'qaa-x' || n % 2000 end,
       case when n % 2000 = 1 then 'audiobook' else 'ebook' end,
       case when n % 10 > 0 then (1000 + n % 1000)::text end,
       array[case when n % 2 = 0 then 'Common' else 'Rare ' || n % 2000 end]
     from generate_series(1, ${BOOKS}) n`,
  );
  // One book has as many movements as there are books.
  await database.sql(
    `insert into stock_movements (book_id, isbn, delta, stock_after, reason, reference)
     select id, isbn, 1, n, case when n % 10 > 0 then 'sale' when n % 1000 = 0 then 'rare' end, 'receipt ' || n / 2
     from generate_series(1, ${BOOKS}) n, (select id, isbn from books limit 1) one`,
  );
  await database.sql("vacuum analyze books, book_changes, stock_movements, book_search, search_words");
});

const TERMS = [
  "common",
  "author",
  "rare",
  "absent",
  "a",
  "c",
  "co",
  "q",
  "zq",
  "%",
  "_",
  "é",
  "ж",
  "東",
  "😀",
  "—",
  "common 1",
  "rare common",
  "comon",
  "raer other",
  "zyzzyva common",
  "9780000012345",
  "978-0-00-001234-5",
  "9780",
  "2345",
];

interface Plan {
  "Node Type": string;
  "Relation Name"?: string;
  "Actual Loops"?: number;
  "Index Name"?: string;
  "Actual Rows": number;
  "Rows Removed by Filter"?: number;
  "Rows Removed by Index Recheck"?: number;
  Plans?: Plan[];
}

/** The plan nodes that read a table or an index, in the statements that a function of the store sends. */
async function scansOf(call: (database: Database) => Promise<unknown>, asked = database): Promise<Plan[]> {
  const statements = await statementsOf(call);
  const scans: Plan[] = [];
  for (const { text, values } of statements) {
    const [row] = await asked.sql<{ "QUERY PLAN": [{ Plan: Plan }] }>(
      `explain (analyze, format json) ${text}`,
      values,
    );
    if (row) scans.push(...scansIn(row["QUERY PLAN"][0].Plan));
  }
  return scans;
}

const scansIn = (plan: Plan): Plan[] => [
  ...(/(?<!Subquery) Scan/.test(plan["Node Type"]) ? [plan] : []),
  ...(plan.Plans?.flatMap(scansIn) ?? []),
];

async function statementsOf(call: (database: Database) => Promise<unknown>): Promise<Statement[]> {
  const statements: Statement[] = [];
  await call(
    recording(async (statement) => {
      statements.push(statement);
      return [{ json: '{"lines":[]}' }];
    }),
  );
  return statements;
}

const listing = (query: Record<string, string>, position?: ListingPosition) => (database: Database) =>
  listBooks(database, parse(query), position);

const parse = (query: Record<string, string>): BookQuery =>
  bookPaging.query.parse({ limit: String(LIMIT), ...query });

function recording(query: (statement: Statement) => Promise<Row[]>): Database {
  const connect = connectOver(
    direct({
      query,
      batch: (_, statements) => Promise.all(statements.map(query)),
    }),
  );
  return connect(60_000);
}

/** The position of the middle row of an order, as a cursor holds it. */
async function middleOf(query: Record<string, string>): Promise<Pick<ListingPosition, "key" | "id">> {
  const [statement] = await statementsOf(listing(query));
  const text = statement?.text.replace(/limit \$\d+::int\) page$/, "limit 1 offset 5000) page") ?? "";
  const [found] = await database.sql<Lines>(text, statement?.values.slice(0, -1));
  const book = JSON.parse(found?.lines ?? "");
  return { key: `${book[memberOf(parse(query).sort as Sort)] ?? ""}`, id: book.id };
}

const rowsRead = (plan: Plan) =>
  plan["Actual Rows"] + (plan["Rows Removed by Filter"] ?? 0) + (plan["Rows Removed by Index Recheck"] ?? 0);

const filtersOf = (sort: string): Record<string, string>[] => [
  { sort },
  ...(sort.endsWith("price")
    ? [
        { sort, min_price: "50" },
        { sort, max_price: "150" },
        { sort, min_price: "50", max_price: "150" },
      ]
    : []),
];

describe.each(SORTS.filter((sort) => memberOf(sort) !== "stock").flatMap(filtersOf))("%o", (query) => {
  const index = `books_${query.sort?.replace("-", "")}_idx`;

  test("the first page reads limit + 1 rows of its index", async () => {
    const [scan, ...others] = await scansOf(listing(query));
    expect(others).toEqual([]);
    expect(scan).toMatchObject({ "Index Name": index });
    expect(rowsRead(scan as Plan)).toBe(LIMIT + 1);
  });

  test.each([
    ["forward", "after"],
    ["forward", "before"],
    ["backward", "before"],
    ["backward", "after"],
  ] as const)("a page in the middle, %s from %s a row, reads no more", async (direction, side) => {
    const { key, id } = await middleOf(query);
    const [scan, ...others] = await scansOf(listing(query, { direction, side, key, id }));
    expect(others).toEqual([]);
    expect(scan).toMatchObject({ "Index Name": index });
    expect(rowsRead(scan as Plan)).toBe(LIMIT + 1);
  });
});

/** A page by stock joins its rows of an index of another table with as many books. */
function expectByStock(scans: Plan[]): void {
  expect(scans.map((scan) => [scan["Index Name"], rowsRead(scan) * (scan["Actual Loops"] ?? 1)])).toEqual([
    ["book_changes_stock_idx", LIMIT + 1],
    ["books_pkey", LIMIT + 1],
  ]);
}

describe.each(["stock", "-stock"])("sort=%s", (sort) => {
  test.each([{}, { stock_below: "50" }, { in_stock: "true" }, { in_stock: "true", stock_below: "50" }])(
    "the first page and those from the middle on read limit + 1 rows of its index: %o",
    async (filters) => {
      const query = { sort, ...filters };
      expectByStock(await scansOf(listing(query)));
      const middle = { key: "25", id: "00000000-0000-7000-8000-000000000000" };
      for (const direction of ["forward", "backward"] as const) {
        expectByStock(await scansOf(listing(query, { direction, side: "after", ...middle })));
      }
    },
  );
});

test.each(["forward", "backward"] as const)(
  "a page of movements, %s, reads its book and limit + 1 rows of its index",
  async (direction) => {
    const [middle] = await database.sql<{ id: string; book: string; key: string }>(
      `select id, book_id as book, created_at::text as key from stock_movements
       order by created_at desc, id desc limit 1 offset ${BOOKS / 2}`,
    );
    const { book, ...place } = middle as NonNullable<typeof middle>;
    const position: ListingPosition = { direction, side: "after", ...place };
    const scans = await scansOf((database) => listMovements(database, book, { limit: LIMIT }, position));
    const run = scans.filter((scan) => scan["Actual Loops"]);
    expect(run.map((scan) => [scan["Index Name"], rowsRead(scan)])).toEqual([
      ["books_pkey", 1],
      ["stock_movements_book_idx", LIMIT + 1],
    ]);
  },
);

test("a sale of several books finds, locks and changes them by an index", async () => {
  const books = await database.sql<{ id: string; isbn: string }>("select id, isbn from books limit 10");
  const lines = books.map(({ id, isbn }, at) => ({ ...(at % 2 ? { id } : { isbn }), delta: 1 }));
  const scans = await scansOf((database) =>
    changeStock(database, { lines, reason: null, reference: null }, "tester", undefined),
  );
  const ofBooks = scans.filter((scan) => scan["Relation Name"] === "books");
  expect(ofBooks.map((scan) => scan["Node Type"])).not.toContain("Seq Scan");
  expect(Math.max(...ofBooks.map(rowsRead)), JSON.stringify(ofBooks)).toBeLessThanOrEqual(lines.length);
});

/** The moment of the movement at a place in the ledger, newest first. */
const momentAt = async (place: number) =>
  (
    await database.sql<{ at: string }>(
      `select to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
       from stock_movements order by created_at desc, id desc limit 1 offset $1`,
      [place],
    )
  )[0]?.at ?? "";

describe.each([
  ["no filter", {}, "created_at"],
  ["since", { since: 15_000 }, "created_at"],
  ["until", { until: 5000 }, "created_at"],
  ["since and until", { since: 15_000, until: 5000 }, "created_at"],
  ["a common reason", { reason: "sale" }, "reason"],
  ["a rare reason", { reason: "rare" }, "reason"],
  ["a reason and a time", { reason: "sale", since: 15_000, until: 5000 }, "reason"],
  ["an absent reason", { reason: "absent" }, "reason"],
  ["a reference", { reference: "receipt 77" }, "reference"],
  ["a reference and a reason", { reference: "receipt 77", reason: "sale" }, "reference"],
] as const)(
  "the ledger of all books with %s",
  (_, { ...filters }: Record<string, string | number>, index) => {
    test.each(["forward", "backward"] as const)(
      "a page, %s from the middle or the first, reads at most limit + 1 rows of one index",
      async (direction) => {
        const entries = Object.entries(filters).map(
          async ([name, value]) => [name, typeof value === "number" ? await momentAt(value) : value] as const,
        );
        const query = ledgerPaging.query.parse({
          limit: `${LIMIT}`,
          ...Object.fromEntries(await Promise.all(entries)),
        });
        const [middle] = await database.sql<{ id: string; key: string }>(
          `select id, created_at::text as key from stock_movements order by created_at desc, id desc
         limit 1 offset ${BOOKS / 2}`,
        );
        for (const position of [undefined, { direction, side: "after", ...middle } as ListingPosition]) {
          const [scan, ...others] = await scansOf((database) => listAllMovements(database, query, position));
          expect(others.filter((other) => other["Actual Loops"])).toEqual([]);
          expect(scan).toMatchObject({ "Index Name": `stock_movements_${index}_idx` });
          expect(rowsRead(scan as Plan)).toBeLessThanOrEqual(LIMIT + 1);
        }
      },
    );
  },
);

test.each([
  { publisher: "COMMON" },
  { publisher: "Rare 7" },
  { language: "en" },
  { language: "qaa-x7" },
  { format: "ebook" },
  { format: "audiobook" },
])(
  "the first page of %o reads limit + 1 rows of an index at most, if few rows do not match",
  async (query) => {
    const scans = await scansOf(listing(query));
    expect(scans.map((scan) => scan["Node Type"])).not.toContain("Seq Scan");
    expect(Math.max(...scans.map(rowsRead)), JSON.stringify(scans)).toBeLessThanOrEqual(2 * LIMIT + 2);
  },
);

test.each([
  { subject: "Rare 7" },
  { subject: "Common", sort: "title" },
  { publisher: "Rare 7", sort: "price" },
  { publisher: "Rare 7", sort: "stock", stock_below: "50" },
  { in_stock: "false", sort: "stock" },
  { published_from: "1990", sort: "published" },
  { published_from: "1990-05", published_to: "1991", sort: "-published" },
  { id: "00000000-0000-7000-8000-000000000000,00000000-0000-7000-8000-000000000001" },
  { isbn: "9780486272634,9780306406157", sort: "title" },
])("a listing of %o reads a bounded part of the table", async (query) => {
  const scans = await scansOf(listing(query));
  expect(scans.map((scan) => scan["Node Type"])).not.toContain("Seq Scan");
  expect(Math.max(...scans.map(rowsRead)), JSON.stringify(scans)).toBeLessThan(BOOKS / 100);
});

/**
 * The scans of a call of the store, those in the database's functions included: auto_explain sends the plan of each
 * statement as a notice.
 */
async function nestedScansOf(call: (database: Database) => Promise<unknown>): Promise<Plan[]> {
  const client = await database.connect();
  const plans: Plan[] = [];
  client.on("notice", ({ message }) => {
    const json = message?.match(/plan:\n(.*)$/s)?.[1];
    if (json) plans.push(JSON.parse(json).Plan);
  });
  try {
    await client.query(
      `load 'auto_explain'; set client_min_messages = log; set auto_explain.log_min_duration = 0;
       set auto_explain.log_nested_statements = on; set auto_explain.log_analyze = on; set auto_explain.log_format = json`,
    );
    await call(recording(async ({ text, values }) => (await client.query(text, values)).rows));
  } finally {
    await client.end();
  }
  // EXPLAIN without ANALYZE, as estimates use it, runs nothing.
  return plans.flatMap(scansIn).filter((scan) => scan["Actual Loops"]);
}

describe.each(["search", "author"])("%s", (parameter) => {
  test.each(["relevance", "-created_at", "title", "-price"])(
    "a listing sorted by %s reads a part of the books, and no table from end to end, for every kind of term",
    async (sort) => {
      for (const term of TERMS) {
        const query = { [parameter]: term, ...(sort === "relevance" ? { search: term } : { sort }) };
        const scans = await nestedScansOf(listing(query));
        const named = scans.map((scan) => `${scan["Node Type"]} of ${scan["Relation Name"]}`);
        expect(named, term).not.toContainEqual(
          expect.stringMatching(/^Seq Scan of (books|book_search|search_words)$/),
        );
        const read = scans
          .filter((scan) => scan["Relation Name"] === "books")
          .map((scan) => rowsRead(scan) * (scan["Actual Loops"] ?? 1));
        expect(Math.max(0, ...read), `books read for ${term}`).toBeLessThan(BOOKS / 2);
      }
    },
  );
});

test("the page of a book reads it and at most six others, by indexes", async () => {
  const [book] = await database.sql<{ isbn: string }>("select isbn from books limit 1 offset 100");
  const scans = await scansOf((database) => readBookAndOthers(database, `${book?.isbn}`).catch(() => {}));
  expect(scans.map((scan) => scan["Index Name"]).sort()).toEqual(["books_author_idx", "books_isbn_key"]);
  expect(Math.max(...scans.map(rowsRead))).toBeLessThanOrEqual(7);
});

test("the sitemap steps through the index of ids, and a part reads its books alone", async () => {
  const starts = await scansOf(readPartStarts);
  expect(starts.map((scan) => scan["Node Type"]).filter((type) => !/CTE|WorkTable/.test(type))).toEqual([
    "Index Only Scan",
    "Index Only Scan",
  ]);
  const part = await scansOf((database) => readPart(database, "00000000-0000-7000-8000-000000000000"));
  expect(part.map((scan) => [scan["Index Name"], rowsRead(scan)])).toEqual([["books_pkey", 2000]]);
});
