/** Sales and deliveries of several books, over HTTP. */
import { beforeAll, describe, expect, test } from "vitest";
import { isbnOf, newBook } from "../support/books.ts";
import { type Answer, type Client, createClient, type Options } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const MISSING = "00000000-0000-7000-8000-000000000000";
const MAX_STOCK = 2_147_483_647;

type Book = { id: string; isbn: string };

let api: Client;
let database: TestDatabase;

const create = async (members?: Record<string, unknown>): Promise<Book> =>
  (await api("POST", "/api/v1/books", { body: newBook(members) })).json;

const createAll = (...stocks: number[]) => Promise.all(stocks.map((stock) => create({ stock })));

const change = (lines: unknown, options: Options & { note?: object } = {}) =>
  api("POST", "/api/v1/stock", { body: { lines, ...options.note }, ...options });

const stockOf = async (books: Book[]) => {
  const rows = await database.sql<{ id: string; stock: number; sum: number }>(
    `select id, stock, (select coalesce(sum(delta), 0)::int from stock_movements where book_id = books.id) as sum
     from books where id = any($1)`,
    [books.map(({ id }) => id)],
  );
  expect(rows.filter(({ stock, sum }) => stock !== sum)).toEqual([]);
  const stocks = new Map(rows.map(({ id, stock }) => [id, stock]));
  return books.map(({ id }) => stocks.get(id));
};

/** The status, and each fault as "path code". */
const outcome = ({ status, json }: Answer) => [
  status,
  ...(json.details ?? []).map(({ path, code }: { path: string; code: string }) => `${path} ${code}`),
];

describe.each(RUNTIMES)("%s", (runtime) => {
  beforeAll(async () => {
    database = await createTestDatabase();
    const { url } = await startServer(runtime, database, { AUTH_SECRET: SECRET });
    api = await createClient(url, await tokenFor("editor"));
  });

  test("a sale returns the new stocks in the order of its lines, named by id or by ISBN", async () => {
    const books = await createAll(5, 6, 7);
    const [one, two, three] = books as [Book, Book, Book];
    const { status, text, headers } = await change([
      { id: three.id, delta: -1 },
      { isbn: `ISBN ${one.isbn}`, delta: -5 },
      { id: two.id.toUpperCase(), delta: 4 },
    ]);
    expect(status).toBe(200);
    const levels = [
      { id: three.id, isbn: three.isbn, stock: 6 },
      { id: one.id, isbn: one.isbn, stock: 0 },
      { id: two.id, isbn: two.isbn, stock: 10 },
    ];
    expect(text).toBe(JSON.stringify({ lines: levels }));
    expect([headers.get("ETag"), headers.get("Cache-Control")]).toEqual([null, "no-store"]);
    expect(await stockOf(books)).toEqual([0, 10, 6]);
    const { json } = await api("GET", `/api/v1/books/${one.id}`);
    expect(json.stock).toBe(0);
  });

  test("each movement of a sale has its reason, its reference and its actor", async () => {
    const [one, two] = (await createAll(5, 5)) as [Book, Book];
    const lines = [one, two].map(({ id }) => ({ id, delta: -1 }));
    await change(lines, { note: { reason: " sale ", reference: "receipt\u00a01042" } });
    await change(lines);
    const rows = await database.sql(
      `select isbn, delta, stock_after, reason, reference, actor from stock_movements
       where book_id = $1 order by created_at, id`,
      [two.id],
    );
    const by = { isbn: two.isbn, actor: "tester" };
    expect(rows).toEqual([
      { ...by, delta: 5, stock_after: 5, reason: null, reference: null },
      { ...by, delta: -1, stock_after: 4, reason: "sale", reference: "receipt\u00a01042" },
      { ...by, delta: -1, stock_after: 3, reason: null, reference: null },
    ]);
  });

  test("a sale that one of 200 stocks does not cover changes nothing, and names the line", async () => {
    const isbns = Array.from({ length: 200 }, (_, at) => isbnOf(500_000 + at));
    await database.sql(
      `insert into books (title, author, isbn, price, stock)
       select 'A', 'B', isbn, 1, case when at = 137 then 2 else 3 end from unnest($1::text[]) with ordinality as _ (isbn, at)`,
      [isbns],
    );
    const { status, json } = await change(isbns.map((isbn) => ({ isbn, delta: -3 })));
    expect([status, json.error, "available" in json]).toEqual([409, "insufficient_stock", false]);
    expect(json.message).toBe("The stock does not cover 1 of 200 lines.");
    expect(json.lines).toEqual([
      { line: 136, id: expect.stringMatching(/^[\da-f-]{36}$/), isbn: isbns[136], available: 2 },
    ]);
    const [sum] = await database.sql("select sum(stock)::int from books where isbn = any($1)", [isbns]);
    expect(sum).toEqual({ sum: 599 });
    const all = await change(isbns.map((isbn) => ({ isbn, delta: -2 })));
    expect([all.status, all.json.lines.length, all.json.lines[136].stock]).toEqual([200, 200, 0]);
  });

  test("a sale names every line that falls short", async () => {
    const books = (await createAll(1, 2, 3)) as [Book, Book, Book];
    const [one, , three] = books;
    const { status, json } = await change(
      books.map(({ id }, at) => ({ id, delta: at === 1 ? -2 : -MAX_STOCK - 1 })),
    );
    expect([status, json.lines]).toEqual([
      409,
      [
        { line: 0, id: one.id, isbn: one.isbn, available: 1 },
        { line: 2, id: three.id, isbn: three.isbn, available: 3 },
      ],
    ]);
    expect(await stockOf(books)).toEqual([1, 2, 3]);
  });

  test("lines of unknown books, of one book twice, above the maximum or of free books are all reported", async () => {
    const [one, two, full, free] = (await Promise.all([
      create({ stock: 1 }),
      create({ stock: 1 }),
      create({ stock: MAX_STOCK }),
      create({ stock: 0, price: 0 }),
    ])) as [Book, Book, Book, Book];
    const answer = await change([
      { id: one.id, delta: -2 },
      { isbn: one.isbn, delta: -1 },
      { id: MISSING, delta: 1 },
      { isbn: isbnOf(7), delta: 1 },
      { isbn: two.isbn, delta: 1 },
      { isbn: two.isbn, delta: 1 },
      { id: full.id, delta: 1 },
      { id: free.id, delta: 1 },
      { id: one.id, delta: 1 },
      { id: MISSING, delta: 1 },
    ]);
    expect(outcome(answer)).toEqual([
      422,
      "lines.1 duplicate",
      "lines.2 not_found",
      "lines.3 not_found",
      "lines.5 duplicate",
      "lines.6.delta out_of_range",
      "lines.7.delta zero_price_with_stock",
      "lines.8 duplicate",
      "lines.9 not_found",
    ]);
    expect(answer.json.details[0].message).toBe("names the same book as lines.0");
    expect(await stockOf([one, two, full, free])).toEqual([1, 1, MAX_STOCK, 0]);
  });

  test("of more than 100 unknown lines the rest is counted", async () => {
    const { status, json } = await change(
      Array.from({ length: 200 }, (_, at) => ({ isbn: isbnOf(900_000 + at), delta: 1 })),
    );
    expect([status, json.details.length, json.details_omitted]).toEqual([422, 100, 100]);
  });

  test("a sale with a key happens once, and is replayed byte for byte", async () => {
    const books = await createAll(5, 5);
    const lines = books.map(({ id }) => ({ id, delta: -1 }));
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    const first = await change(lines, { headers });
    const again = await change(lines, { headers });
    expect([first.status, again.status, again.text]).toEqual([200, 200, first.text]);
    expect(["Idempotency-Replayed", "ETag", "Cache-Control"].map((name) => again.headers.get(name))).toEqual([
      "true",
      null,
      "no-store",
    ]);
    expect(await stockOf(books)).toEqual([4, 4]);
    expect((await change(lines.toReversed(), { headers })).json.error).toBe("idempotency_mismatch");
    const refused = { headers: { "Idempotency-Key": crypto.randomUUID() } };
    const much = books.map(({ id }) => ({ id, delta: -9 }));
    expect((await change(much, refused)).status).toBe(409);
    await change(books.map(({ id }) => ({ id, delta: 9 })));
    expect((await change(much, refused)).status).toBe(200);
  });

  test("a sale that waited for another is checked against the new stock", async () => {
    const books = (await createAll(5, 5)) as [Book, Book];
    const release = await database.hold("update books set stock = 1 where id = $1", [books[0].id]);
    const sale = change(books.map(({ id }) => ({ id, delta: -2 })));
    await expect.poll(database.waiting, { timeout: 20_000 }).toBe(1);
    await release();
    const { status, json } = await sale;
    expect([status, json.lines]).toMatchObject([409, [{ line: 0, available: 1 }]]);
    expect(await stockOf(books)).toEqual([1, 5]);
  });

  test("a sale that waited for a book that was deleted, or lost its ISBN, does not find it", async () => {
    const [gone, renamed, other] = (await createAll(5, 5, 5)) as [Book, Book, Book];
    const isbn = newBook().isbn;
    const release = await database.hold(
      `with gone as (delete from books where id = '${gone.id}') update books set isbn = $1 where id = $2`,
      [isbn, renamed.id],
    );
    const sale = change([
      { id: gone.id, delta: -1 },
      { isbn: renamed.isbn, delta: -1 },
      { id: other.id, delta: -1 },
    ]);
    await expect.poll(database.waiting, { timeout: 20_000 }).toBe(1);
    await release();
    expect(outcome(await sale)).toEqual([422, "lines.0 not_found", "lines.1 not_found"]);
    expect(await stockOf([renamed, other])).toEqual([5, 5]);
  });

  test("sales of the same books in opposite orders do not wait for each other in a circle", async () => {
    const books = await createAll(100, 100, 100, 100, 100);
    const lines = books.map(({ id }) => ({ id, delta: -1 }));
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, at) => change(at % 2 ? lines : lines.toReversed())),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(40).fill(200));
    expect(await stockOf(books)).toEqual(Array(5).fill(60));
  });
});

/** The bodies are rejected before they reach a database, so that one runtime tells of all. */
describe("a body that is no sale", () => {
  const line = { id: MISSING, delta: 1 };
  const isbn = isbnOf(7);
  const lines = (count: number) => Array.from({ length: count }, (_, at) => ({ isbn: isbnOf(at), delta: 1 }));

  test.each<[string, object, ...string[]]>([
    ["no lines", {}, "lines required"],
    ["an empty list of lines", { lines: [] }, "lines too_short"],
    ["lines that are null", { lines: null }, "lines invalid_type"],
    ["lines that are a line", { lines: line }, "lines invalid_type"],
    ["201 lines", { lines: lines(201) }, "lines too_long"],
    ["a line that is null", { lines: [line, null] }, "lines.1 invalid_type"],
    ["a line that is a list", { lines: [[]] }, "lines.0 invalid_type"],
    ["a line that is an id", { lines: [MISSING] }, "lines.0 invalid_type"],
    ["a line of nothing", { lines: [{}] }, "lines.0 required", "lines.0.delta required"],
    ["a line without a book", { lines: [{ delta: 1 }] }, "lines.0 required"],
    ["a line with two names", { lines: [{ ...line, isbn }] }, "lines.0 invalid_format"],
    ["a line without a delta", { lines: [line, { isbn }] }, "lines.1.delta required"],
    ["a delta of 0", { lines: [{ isbn, delta: 0 }] }, "lines.0.delta out_of_range"],
    ["a delta of a half", { lines: [{ isbn, delta: 0.5 }] }, "lines.0.delta invalid_type"],
    ["a delta that is text", { lines: [{ isbn, delta: "1" }] }, "lines.0.delta invalid_type"],
    ["a delta above int32", { lines: [{ isbn, delta: MAX_STOCK + 1 }] }, "lines.0.delta out_of_range"],
    ["a delta far below int32", { lines: [{ isbn, delta: -1e300 }] }, "lines.0.delta out_of_range"],
    ["an id that is no UUID", { lines: [{ id: "1", delta: 1 }] }, "lines.0.id invalid_format"],
    ["an id that is a number", { lines: [{ id: 1, delta: 1 }] }, "lines.0.id invalid_type"],
    ["an id that is null", { lines: [{ id: null, delta: 1 }] }, "lines.0.id invalid_type"],
    ["an ISBN that is none", { lines: [{ isbn: "9780486272635", delta: 1 }] }, "lines.0.isbn invalid_isbn"],
    ["an ISBN that is null", { lines: [{ isbn: null, delta: 1 }] }, "lines.0.isbn invalid_type"],
    ["a quantity", { lines: [{ ...line, quantity: 1 }] }, "lines.0.quantity unknown_field"],
    ["an unknown member", { lines: [line], book: 1 }, "book unknown_field"],
    ["an empty reason", { lines: [line], reason: "" }, "reason too_short"],
    ["a reason of 101 characters", { lines: [line], reason: "a".repeat(101) }, "reason too_long"],
    ["an empty reference", { lines: [line], reference: " " }, "reference too_short"],
    ["a reference that is a number", { lines: [line], reference: 7 }, "reference invalid_type"],
    ["a reference with U+0000", { lines: [line], reference: "a\0" }, "reference invalid_format"],
    ["a lone surrogate", { lines: [line], reference: "\ud800" }, "reference invalid_format"],
    [
      "many faults",
      { lines: [{ id: 1, isbn: "x", delta: 0 }, { delta: "" }], reason: 1 },
      "lines.0 invalid_format",
      "lines.0.delta out_of_range",
      "lines.0.id invalid_type",
      "lines.0.isbn invalid_isbn",
      "lines.1 required",
      "lines.1.delta invalid_type",
      "reason invalid_type",
    ],
  ])("%s is reported with every fault", async (_, body, ...faults) => {
    const [status, ...found] = outcome(await api("POST", "/api/v1/stock", { body }));
    expect([status, ...found.sort()]).toEqual([422, ...faults]);
  });

  test.each(["null", "[]", "1", '"lines"'])("%s is no object", async (raw) => {
    const headers = { "Content-Type": "application/json" };
    expect(outcome(await api("POST", "/api/v1/stock", { raw, headers }))).toEqual([422, " invalid_type"]);
  });
});
