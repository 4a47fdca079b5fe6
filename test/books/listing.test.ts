/** Listing books: order, cursors, filters, counts and numbered pages, over HTTP on workerd. */
import { beforeAll, describe, expect, test } from "vitest";
import { isbnOf } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { pagesOf } from "../support/walk.ts";
import { startWorker, type TestWorker } from "../support/worker.ts";

let api: Client;
let database: TestDatabase;
let worker: TestWorker;

const TITLES = [
  "Zoo",
  "apple",
  "Äpfel",
  "Dune",
  "dune",
  "Émile",
  "The Trial",
  "1984",
  "Catch-22",
  "100% Wool",
  "O'Brien",
  "(Ab)normal",
  "C++",
  "Under_score",
  "Back\\slash",
  "ΣΊΣΥΦΟΣ",
  "Анна Каренина",
  "東京タワー",
];

beforeAll(async () => {
  database = await createTestDatabase();
  // Many equal keys: 3 prices, 2 times, 4 authors.
  const books = TITLES.map((title, at) => ({
    title,
    author: ["Émile Zola", "J. R. R. Tolkien", "Le Guin", "Percent 50%"][at % 4],
    isbn: isbnOf(at + 1),
    price: [0, 9.99, 12.5][at % 3],
    stock: at % 3 === 0 ? 0 : at,
    // These resemble the end of one row of a page and the beginning of the next.
    description: ['"},{"id":"', "},{"][at % 2],
    created_at: `2026-01-01T00:00:00.00000${at % 2}Z`,
  }));
  await database.sql(
    `insert into books (title, author, isbn, price, stock, description, created_at)
     select title, author, isbn, price, stock, description, created_at
     from jsonb_to_recordset($1) as
       (title text, author text, isbn text, price numeric, stock int, description text, created_at timestamptz)`,
    [JSON.stringify(books)],
  );
  await database.sql("analyze books");
  worker = await startWorker(database);
  api = await createClient(worker.url);
});

const list = async (query: Record<string, string | number> = {}) => {
  const { status, json, headers } = await api(
    "GET",
    `/api/v1/books?${new URLSearchParams(query as Record<string, string>)}`,
  );
  expect(status, JSON.stringify(json)).toBe(200);
  return { ...json, headers };
};
const titles = (page: { data: { title: string }[] }) => page.data.map(({ title }) => title);
const ids = (page: { data: { id: string }[] }) => page.data.map(({ id }) => id);

describe("a page", () => {
  test("a page has its members in order, 20 rows by default, and no ETag", async () => {
    const { status, text, headers } = await api("GET", "/api/v1/books?limit=2");
    expect(status).toBe(200);
    expect(text).toMatch(/^{"data":\[{"id":.*}\],"limit":2,"next_cursor":"[\w-]+","prev_cursor":null}$/);
    expect(headers.get("ETag")).toBeNull();
    expect(headers.get("Cache-Control")).toBe("no-store");
    expect((await list()).limit).toBe(20);
    expect((await list({ limit: 1_000_000 })).limit).toBe(100);
  });

  test("a page links to its neighbours and the first page, with all filters", async () => {
    const first = await list({ limit: 2, sort: "title", min_price: 0 });
    expect(first.headers.get("Link")).toBe(
      `</api/v1/books?limit=2&sort=title&min_price=0&cursor=${first.next_cursor}>; rel="next", </api/v1/books?limit=2&sort=title&min_price=0>; rel="first"`,
    );
    const [, next] = first.headers.get("Link").match(/<(.*?)>; rel="next"/);
    const second = (await api("GET", next)).json;
    expect(ids(second)).toEqual(ids(await list({ limit: 4, sort: "title" })).slice(2));
    const { headers } = await api("GET", next);
    expect(headers.get("Link")).toContain(`cursor=${second.prev_cursor}>; rel="prev"`);
  });
});

describe.each(["created_at", "title", "author", "price"])("sorted by %s", (column) => {
  test.each(["", "-"])("the pages in direction '%s' join to the whole listing, both ways", async (sign) => {
    const sort = `${sign}${column}`;
    const whole = ids(await list({ sort, limit: 100 }));
    const expected = await database.sql<{ id: string }>(
      `select id from books order by ${column} ${sign ? "desc" : "asc"}, id ${sign ? "desc" : "asc"}`,
    );
    expect(whole).toEqual(expected.map(({ id }) => id));
    for (const limit of [1, 4, 5, 9, 18]) {
      const follow = (cursor: string | null) => cursor && list({ sort, limit, cursor });
      const pages = await pagesOf(await list({ sort, limit }), ({ next_cursor }) => follow(next_cursor));
      expect(pages.flatMap(ids)).toEqual(whole);
      expect(pages).toHaveLength(Math.ceil(whole.length / limit));
      const back = await pagesOf(pages.at(-1), ({ prev_cursor }) => follow(prev_cursor));
      expect(back.reverse().flatMap(ids)).toEqual(whole);
      const numbered = pages.map((_, at) => list({ sort, limit, page: at + 1 }));
      expect((await Promise.all(numbered)).flatMap(ids), "pages by number").toEqual(whole);
    }
  });
});

test("books are listed by -created_at by default", async () => {
  expect(ids(await list())).toEqual(ids(await list({ sort: "-created_at" })));
});

test("titles sort by Unicode's root collation", async () => {
  const sorted = titles(await list({ sort: "title", limit: 100 }));
  expect(
    sorted.filter((title) => ["apple", "Äpfel", "Catch-22", "dune", "Dune", "Émile", "Zoo"].includes(title)),
  ).toEqual(["Äpfel", "apple", "Catch-22", "dune", "Dune", "Émile", "Zoo"]);
});

describe("cursors", () => {
  test("equal pages have equal cursors, and a cursor works with another limit", async () => {
    const [one, two] = [await list({ limit: 3 }), await list({ limit: 3 })];
    expect(one.next_cursor).toBe(two.next_cursor);
    expect(ids(await list({ limit: 2, cursor: one.next_cursor, count: "exact" }))).toEqual(
      ids(await list({ limit: 5 })).slice(3),
    );
  });

  test("the last page has no next_cursor, and the first has no prev_cursor", async () => {
    const last = await list({ limit: 100 });
    expect([last.next_cursor, last.prev_cursor]).toEqual([null, null]);
    const second = await list({ limit: 9, cursor: (await list({ limit: 9 })).next_cursor });
    expect([second.next_cursor, second.prev_cursor]).toEqual([null, expect.any(String)]);
    const first = await list({ limit: 9, cursor: second.prev_cursor });
    expect([first.next_cursor, first.prev_cursor]).toEqual([expect.any(String), null]);
  });

  test("a page that became empty returns cursors at its position", async () => {
    const own = await createTestDatabase();
    const [first, second] = [1, 2].map((n) => isbnOf(900_000_000 + n));
    for (const isbn of [first, second]) {
      await own.sql("insert into books (title, author, isbn, price) values ('T', 'A', $1, 1)", [isbn]);
    }
    const client = await createClient((await startWorker(own)).url);
    const get = async (query: string) =>
      (await client("GET", `/api/v1/books?sort=created_at&limit=1${query}`)).json;
    const isbns = (page: { data: { isbn: string }[] }) => page.data.map(({ isbn }) => isbn);
    const start = await get("");
    await own.sql("delete from books where isbn = $1", [second]);
    const empty = await get(`&cursor=${start.next_cursor}`);
    expect([isbns(empty), empty.next_cursor]).toEqual([[], null]);
    const back = await get(`&cursor=${empty.prev_cursor}`);
    expect([isbns(back), back.prev_cursor]).toEqual([[first], null]);
    await own.sql("delete from books");
    const none = await get(`&cursor=${back.next_cursor}`);
    const before = await get(`&cursor=${none.prev_cursor}`);
    expect([before.data, before.prev_cursor, typeof before.next_cursor]).toEqual([[], null, "string"]);
    await own.sql("insert into books (title, author, isbn, price) values ('T', 'A', $1, 1)", [second]);
    expect(isbns(await get(`&cursor=${before.next_cursor}`))).toEqual([second]);
  });

  test("a modified cursor returns 400", async () => {
    const { next_cursor: cursor } = await list({ limit: 1 });
    for (const text of [`A${cursor.slice(1)}`, `${cursor}=`, cursor.slice(0, -1), "%", "é"]) {
      const path = `/api/v1/books?limit=1&cursor=${encodeURIComponent(text)}`;
      const { status, json } = await api("GET", path);
      expect([text, status, json.error]).toEqual([text, 400, "invalid_cursor"]);
    }
  });

  test.each([
    { sort: "title" },
    { sort: "created_at" },
    { search: "dune" },
    { author: "zola" },
    { min_price: "1" },
    { max_price: "50" },
    { in_stock: "true" },
    { in_stock: "sometimes" },
    { isbn: isbnOf(1) },
  ])("a cursor is invalid with another query: %o", async (query) => {
    const { next_cursor: cursor } = await list({ limit: 1 });
    const { status, json } = await api(
      "GET",
      `/api/v1/books?${new URLSearchParams({ ...query, cursor } as Record<string, string>)}`,
    );
    expect([status, json.error]).toEqual([400, "invalid_cursor"]);
  });

  const filtered = {
    sort: "title",
    search: "tolkien",
    author: "tolkien",
    min_price: "1",
    max_price: "50",
    in_stock: "true",
  };

  test.each(
    Object.entries({
      sort: "-title",
      search: "j",
      author: "r",
      min_price: "2",
      max_price: "49",
      in_stock: "false",
    }),
  )("a cursor of a filtered listing is invalid with another %s, and without it", async (name, other) => {
    const { next_cursor: cursor } = await list({ ...filtered, limit: 1 });
    expect((await list({ ...filtered, cursor })).data, "the rest of the listing").toHaveLength(3);
    const { [name as keyof typeof filtered]: _, ...without } = filtered;
    for (const query of [{ ...filtered, [name]: other }, without]) {
      const { status, json } = await api("GET", `/api/v1/books?${new URLSearchParams({ ...query, cursor })}`);
      expect([query, status, json.error]).toEqual([query, 400, "invalid_cursor"]);
    }
  });

  test("a cursor is invalid in another listing, and after a change of CURSOR_KEY", async () => {
    const { next_cursor: cursor } = await list({ limit: 1 });
    const other = await createClient(
      (await startWorker(database, { CURSOR_KEY: "k".repeat(32), OPEN_LOCAL_WRITES: "true" })).url,
    );
    expect((await other("GET", `/api/v1/books?limit=1&cursor=${cursor}`)).status).toBe(400);
    expect((await other("GET", `/api/v1/tasks?limit=1&cursor=${cursor}`)).status).toBe(400);
  });

  test("a cursor is valid in another instance on the same database", async () => {
    const { next_cursor: cursor } = await list({ limit: 1 });
    const other = await createClient((await startWorker(database)).url);
    expect((await other("GET", `/api/v1/books?limit=1&cursor=${cursor}`)).status).toBe(200);
  });
});

describe("filters", () => {
  test("price, stock and ISBN filter a listing", async () => {
    const all = (await list({ limit: 100 })).data;
    const isbnsOf = (books: { isbn: string }[]) => books.map(({ isbn }) => isbn).sort();
    const found = async (query: Record<string, string>) =>
      isbnsOf((await list({ ...query, limit: 100 })).data);
    expect(await found({ min_price: "9.99" })).toEqual(
      isbnsOf(all.filter((b: { price: number }) => b.price >= 9.99)),
    );
    expect(await found({ max_price: "9.99" })).toEqual(
      isbnsOf(all.filter((b: { price: number }) => b.price <= 9.99)),
    );
    expect(await found({ min_price: "9.99", max_price: "9.99" })).toHaveLength(6);
    expect(await found({ min_price: "12.5", max_price: "12.50", sort: "price" })).toHaveLength(6);
    expect(await found({ in_stock: "true" })).toEqual(
      isbnsOf(all.filter((b: { stock: number }) => b.stock > 0)),
    );
    expect(await found({ in_stock: "false" })).toEqual(
      isbnsOf(all.filter((b: { stock: number }) => b.stock === 0)),
    );
    expect(await found({ isbn: isbnOf(3) })).toEqual([isbnOf(3)]);
    expect(await found({ isbn: isbnOf(99) })).toEqual([]);
  });

  test("several filters apply together", async () => {
    expect(
      titles(await list({ author: "tolkien", search: "apple", min_price: "9", in_stock: "true" })),
    ).toEqual(["apple"]);
  });
});

describe("counts", () => {
  test("count=exact returns the total on every page", async () => {
    const { total, total_is_estimate } = await list({ limit: 1, count: "exact", max_price: "0" });
    expect([total, total_is_estimate]).toEqual([6, undefined]);
    const second = await list({
      limit: 4,
      max_price: "0",
      cursor: (await list({ limit: 4, max_price: "0" })).next_cursor,
      count: "exact",
    });
    expect([second.total, second.data.length]).toEqual([6, 2]);
  });

  test("count=estimated returns an estimate, and marks it", async () => {
    const { total, total_is_estimate } = await list({ limit: 1, count: "estimated" });
    expect([total, total_is_estimate]).toEqual([TITLES.length, true]);
  });

  test("a listing has no total by default", async () => {
    expect(await list({ limit: 1 })).not.toHaveProperty("total");
  });
});

describe("numbered pages", () => {
  test("a numbered page has the members of the original API", async () => {
    const { text } = await api("GET", "/api/v1/books?page=2&limit=5&sort=title");
    expect(text).toMatch(/^{"data":\[{.*}\],"total":18,"page":2,"limit":5,"total_pages":4}$/);
    expect(ids(JSON.parse(text))).toEqual(ids(await list({ sort: "title", limit: 10 })).slice(5));
  });

  test("a numbered page beyond the end is empty, and still has the totals", async () => {
    const page = await list({ page: 9, limit: 5, search: "dune" });
    expect(page).toMatchObject({ data: [], total: 2, page: 9, limit: 5, total_pages: 1 });
    expect(await list({ page: 1, search: "nothing" })).toMatchObject({ data: [], total: 0, total_pages: 0 });
  });
});
