/** Searching books over HTTP. Which books match, and in which order, is tested in test/db. */
import { beforeAll, describe, expect, test } from "vitest";
import { isbnOf, newBook } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";
import { pagesOf } from "../support/walk.ts";

const BOOKS: [title: string, author: string, publisher: string | null, price: number, stock: number][] = [
  ["A Wizard of Earthsea", "Ursula K. Le Guin", "Puffin", 8, 1],
  ["The Tombs of Atuan", "Ursula K. Le Guin", "Puffin", 9, 0],
  ["Wizard", "John Varley", "Ace Books", 7, 0],
  ["The Hobbit", "J. R. R. Tolkien", "Allen & Unwin", 12, 3],
  ["Cien años de soledad", "Gabriel García Márquez", "Sudamericana", 15, 2],
  ["Catch-22", "Joseph Heller", null, 10, 4],
];

/** Books with one word in common: more than a listing by relevance has. */
const MANY = 1100;

const ids = (page: { data: { id: string }[] }) => page.data.map(({ id }) => id);

describe.each(RUNTIMES)("%s", (runtime) => {
  let api: Client;
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
    for (const [at, book] of BOOKS.entries()) {
      await database.sql(
        "insert into books (title, author, publisher, price, stock, isbn) values ($1, $2, $3, $4, $5, $6)",
        [...book, isbnOf(at + 1)],
      );
    }
    await database.sql(
      `insert into books (title, author, price, isbn)
       select 'Volume ' || n || repeat(' more', n % 3), 'Series', n % 7, '979' || lpad(n::text, 10, '0')
       from generate_series(1, ${MANY}) as n`,
    );
    await database.sql("analyze books, book_search");
    const { url } = await startServer(runtime, database, { AUTH_SECRET: SECRET, RATE_LIMIT: "off" });
    api = await createClient(url, await tokenFor("editor"));
  });

  const list = async (query: Record<string, string | number>) => {
    const parameters = new URLSearchParams(query as Record<string, string>);
    const { status, json, headers } = await api("GET", `/api/v1/books?${parameters}`);
    expect(status, JSON.stringify(json)).toBe(200);
    return { ...json, headers };
  };
  const find = async (query: Record<string, string | number>) => {
    const { data, match } = await list(query);
    return [match, ...data.map(({ title }: { title: string }) => title)];
  };
  /** Walks to the end, and back from there. */
  const walk = async (query: Record<string, string | number>) => {
    const follow = (cursor: string | null) => cursor && list({ ...query, cursor });
    const pages = await pagesOf(await list(query), ({ next_cursor }) => follow(next_cursor));
    const back = await pagesOf(pages.at(-1), ({ prev_cursor }) => follow(prev_cursor));
    expect(back.reverse().flatMap(ids)).toEqual(pages.flatMap(ids));
    return pages;
  };

  test.each<[query: Record<string, string>, ...found: (string | null)[]]>([
    [{ search: "le guin earthsea" }, "all", "A Wizard of Earthsea"],
    [{ search: "wizard" }, "all", "Wizard", "A Wizard of Earthsea"],
    [{ search: "hobbit  THE" }, "all", "The Hobbit"],
    [{ search: "garcia soleda" }, "all", "Cien años de soledad"],
    [{ search: "unwin hobbit" }, "all", "The Hobbit"],
    [{ search: isbnOf(6) }, "all", "Catch-22"],
    [{ search: "tolkein" }, "similar", "The Hobbit"],
    [{ search: "hobbit zyzzyva" }, "some", "The Hobbit"],
    [{ search: "zyzzyva" }, null],
    [{ search: "%" }, null],
    [{ author: "guin", sort: "title" }, "all", "A Wizard of Earthsea", "The Tombs of Atuan"],
    [{ author: "wizard" }, null],
    [{ search: "wizard", author: "varley" }, "all", "Wizard"],
    [{ search: "wizard", sort: "-price" }, "all", "A Wizard of Earthsea", "Wizard"],
  ])("%o finds books in the order asked for, and says how they match", async (query, ...found) => {
    expect(await find(query)).toEqual(found);
  });

  test.each([
    ["an empty search", { search: "", author: "" }],
    ["a search of spaces", { search: " ".repeat(200) }],
  ])("%s is as if left out", async (_, query) => {
    const { headers: _headers, ...all } = await list({ limit: 3 });
    const { headers: __headers, ...page } = await list({ ...query, limit: 3 });
    expect(page).toEqual({
      ...all,
      next_cursor: expect.any(String),
    });
    expect(ids(await list({ limit: 3, cursor: page.next_cursor }))).toEqual(
      ids(await list({ limit: 6 })).slice(3),
    );
  });

  test("other filters exclude books, and do not change how books match", async () => {
    expect(await find({ search: "wizard", in_stock: "true" })).toEqual(["all", "A Wizard of Earthsea"]);
    expect(await find({ search: "wizard", publisher: "ace books" })).toEqual(["all", "Wizard"]);
    // No book of this price has the word itself, and one has a similar word.
    expect(await find({ search: "tomb", min_price: "12" })).toEqual([null]);
  });

  test("members follow in the order of the contract", async () => {
    const cursors = await api("GET", "/api/v1/books?search=wizard&limit=1&count=exact");
    expect(cursors.text).toMatch(
      /\],"limit":1,"match":"all","next_cursor":"[\w-]+","prev_cursor":null,"total":2\}$/,
    );
    const numbered = await api("GET", "/api/v1/books?search=wizard&limit=1&page=2");
    expect(numbered.text).toMatch(/\],"total":2,"page":2,"limit":1,"match":"all","total_pages":2\}$/);
  });

  test.each([
    { search: "volume", limit: 97 },
    { search: "volume", limit: 97, min_price: 0 },
  ])("a listing of %o by relevance ends after 1,000 books", async (query) => {
    const pages = await walk(query);
    const all = pages.flatMap(ids);
    expect([all.length, new Set(all).size]).toEqual([1000, 1000]);
    const numbered = pages.map((_, at) => list({ ...query, page: at + 1 }));
    expect((await Promise.all(numbered)).flatMap(ids)).toEqual(all);
    expect(await list({ ...query, page: 12 })).toMatchObject({ data: [], total: MANY, match: "all" });
  });

  test.each(["title", "-price", "created_at"])(
    "a listing of a search sorted by %s goes to the end",
    async (sort) => {
      expect((await walk({ search: "volume", sort, limit: 100 })).flatMap(ids)).toHaveLength(MANY);
      const [page] = await walk({ search: "volume 1", sort, limit: 7, count: "exact" });
      expect(page.total).toBe(
        new Set((await walk({ search: "volume 1", sort, limit: 7 })).flatMap(ids)).size,
      );
    },
  );

  test("totals count all books that match", async () => {
    for (const sort of ["relevance", "price"]) {
      expect((await list({ search: "volume", sort, count: "exact" })).total).toBe(MANY);
      const filtered = { search: "volume", sort, max_price: 2, in_stock: "false" };
      const { total } = await list({ ...filtered, count: "exact" });
      expect((await list({ ...filtered, page: 1 })).total).toBe(total);
      const [row] = await database.sql(
        "select count(*)::int as n from books where author = 'Series' and price <= 2",
      );
      expect(total).toBe(row?.n);
      const estimate = await list({ ...filtered, count: "estimated" });
      expect(estimate.total_is_estimate).toBe(true);
      expect(estimate.total / total).toBeCloseTo(1, 0);
    }
  });

  test("a cursor keeps how books match, while books come that match better", async () => {
    const first = await list({ search: "volumes more", limit: 1 });
    expect(first.match).toBe("similar");
    const { json } = await api("POST", "/api/v1/books", { body: newBook({ title: "Volumes more" }) });
    const next = await list({ search: "volumes more", limit: 1, cursor: first.next_cursor });
    expect([next.match, ids(next)]).toEqual(["similar", [expect.not.stringMatching(json.id)]]);
    expect(await find({ search: "volumes more" })).toEqual(["all", "Volumes more"]);
    await api("DELETE", `/api/v1/books/${json.id}`);
  });

  test("a cursor belongs to its search and its order", async () => {
    const { next_cursor } = await list({ search: "volume", limit: 1 });
    expect(ids(await list({ search: "volume", sort: "relevance", cursor: next_cursor }))).toHaveLength(20);
    for (const other of ["search=volum", "search=volume&sort=title", "author=volume", "search="]) {
      const { status, json } = await api("GET", `/api/v1/books?${other}&cursor=${next_cursor}`);
      expect([status, json.error], other).toEqual([400, "invalid_cursor"]);
    }
  });

  test("a book is found as soon as it is written, and as it is then", async () => {
    const { json, headers } = await api("POST", "/api/v1/books", { body: newBook({ title: "Solaris" }) });
    expect(await find({ search: "solaris" })).toEqual(["all", "Solaris"]);
    const changes = { title: "Fiasco", publisher: "Wydawnictwo" };
    await api("PATCH", `/api/v1/books/${json.id}`, {
      body: changes,
      headers: { "If-Match": headers.get("ETag") as string },
    });
    expect(await find({ search: "fiasco wydawnictwo" })).toEqual(["all", "Fiasco"]);
    expect(await find({ search: "solaris" })).toEqual([null]);
    await api("DELETE", `/api/v1/books/${json.id}`);
    expect(await find({ search: "fiasco" })).toEqual([null]);
  });

  const INVALID: [query: string, path: string, code: string][] = [
    [`search=${"a".repeat(201)}`, "search", "too_long"],
    [`author=${"é".repeat(201)}`, "author", "too_long"],
    ["search=a%00b", "search", "invalid_format"],
    ["search=%FF", "search", "invalid_format"],
    [`search=${"%CC%81".repeat(31)}`, "search", "invalid_format"],
    ["sort=relevance", "sort", "invalid_format"],
    ["sort=relevance&search=", "sort", "invalid_format"],
    ["sort=relevance&author=guin", "sort", "invalid_format"],
    ["sort=-relevance&search=wizard", "sort", "invalid_format"],
  ];

  test.each(INVALID)("%s is a 422 that names %s", async (query, path, code) => {
    const { status, json } = await api("GET", `/api/v1/books?${query}`);
    expect([status, json.details]).toEqual([422, [expect.objectContaining({ in: "query", path, code })]]);
  });

  const ODD = [
    "a ".repeat(100),
    "a".repeat(200),
    "ab".repeat(100),
    "三".repeat(200),
    "\u0301".repeat(30),
    "😀👩‍👩‍👧",
    "\u202e",
    "ﷺ".repeat(200),
    "\u1e9e".repeat(200),
    "a & b | !c <-> d:*",
    "'' | 'a':* & (",
    "a\\'b",
    '{"plan":1}',
    ...Array.from({ length: 94 }, (_, at) => String.fromCharCode(33 + at)),
  ];

  test("no term is an error, in any order", async () => {
    for (const term of ODD) {
      for (const sort of ["relevance", "title"]) {
        const query = new URLSearchParams({ search: term, author: term, sort, count: "exact" });
        expect([term, (await api("GET", `/api/v1/books?${query}`)).status]).toEqual([term, 200]);
      }
    }
  });
});
