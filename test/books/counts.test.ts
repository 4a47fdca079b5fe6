/** The results and counts of listings under every set of filters, on each runtime. */
import { beforeAll, describe, expect, test } from "vitest";
import { startNeonEndpoint } from "../../dev/neon-endpoint.ts";
import { isbnOf, newBook } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { atEnd } from "../support/end.ts";
import { type Link, startProxy } from "../support/proxy.ts";
import { RUNTIMES, type Runtime, startServer } from "../support/servers.ts";

interface Book {
  title: string;
  author: string;
  isbn: string;
  price: number;
  stock: number;
}

/** Books whose titles, authors, stocks and prices vary independently. */
const BOOKS: Book[] = Array.from({ length: 640 }, (_, at) => {
  const half = Math.floor(at / 5);
  return {
    title: half & 1 ? "Odd" : "Even",
    author: half & 2 ? "Zola" : "Verne",
    isbn: isbnOf(at),
    price: [1, 1, 2, 3, 3][at % 5] as number,
    stock: half & 4 ? 1 : 0,
  };
});

/** The filters; few of the others match the book with the ISBN. */
const FILTERS: [parameter: string, finds: (book: Book) => boolean][] = [
  ["search=odd", ({ title }) => title === "Odd"],
  ["author=zola", ({ author }) => author === "Zola"],
  [`isbn=${isbnOf(0)}`, ({ isbn }) => isbn === isbnOf(0)],
  ["min_price=2", ({ price }) => price >= 2],
  ["max_price=2", ({ price }) => price <= 2],
  ["in_stock=true", ({ stock }) => stock > 0],
];

/** Every set of filters, with the books that match all of them. */
const QUERIES = Array.from({ length: 2 ** FILTERS.length }, (_, set) => {
  const filters = FILTERS.filter((_, at) => set & (1 << at));
  const found = BOOKS.filter((book) => filters.every(([, finds]) => finds(book)));
  return { query: filters.map(([parameter]) => parameter).join("&"), found };
});

/** A text that only the statements of counts contain. */
const COUNT = "count(*)::text";

/** If set, the next count is delayed, and this receives a function that releases it. */
let onCount: ((resume: () => void) => void) | undefined;

function holdCount({ near, far }: Link): void {
  near.on("data", (data) => {
    const at = onCount ? data.indexOf(COUNT) : -1;
    if (at < 0) return void far.write(data);
    far.write(data.subarray(0, at));
    near.pause().unshift(data.subarray(at));
    onCount?.(() => near.resume());
    onCount = undefined;
  });
  far.pipe(near);
}

/** Starts a server whose statements pass through {@link holdCount} on their way to Postgres. */
async function start(runtime: Runtime, database: TestDatabase): Promise<Client> {
  const { url } = await startProxy(database.url, { join: holdCount });
  if (runtime !== "workerd") {
    return createClient((await startServer(runtime, database, { DATABASE_URL: url })).url);
  }
  const endpoint = await startNeonEndpoint({ postgres: url });
  atEnd(endpoint.close);
  return createClient((await startServer(runtime, database, { NEON_FETCH_ENDPOINT: endpoint.url })).url);
}

describe.each(RUNTIMES)("%s", (runtime) => {
  let api: Client;
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
    await database.sql(
      `insert into books (title, author, isbn, price, stock) select title, author, isbn, price, stock
       from jsonb_to_recordset($1) as (title text, author text, isbn text, price numeric, stock int)`,
      [JSON.stringify(BOOKS)],
    );
    await database.sql("analyze books");
    api = await start(runtime, database);
  });

  const list = async (query: string, parameters: string) => {
    const { status, json } = await api("GET", `/api/v1/books?${query && `${query}&`}${parameters}`);
    expect(status, query).toBe(200);
    return json;
  };

  test("a listing returns the books that match all of its filters", async () => {
    for (const { query, found } of QUERIES) {
      const { data } = await list(query, "limit=100");
      const isbns = new Set(found.map(({ isbn }) => isbn));
      const others = data.filter(({ isbn }: Book) => !isbns.has(isbn));
      expect([query, data.length, others]).toEqual([query, Math.min(100, found.length), []]);
    }
  });

  test.each(["count=exact", "page=1"])("%s counts the books that match all filters", async (parameter) => {
    for (const { query, found } of QUERIES) {
      const { total } = await list(query, `limit=1&${parameter}`);
      expect([query, total]).toEqual([query, found.length]);
    }
  });

  test("every filter lowers the total of count=estimated", async () => {
    const totals: number[] = [];
    for (const { query } of QUERIES) totals.push((await list(query, "limit=1&count=estimated")).total);
    for (const [set, { query }] of QUERIES.entries()) {
      for (const [at, [parameter]] of FILTERS.entries()) {
        const without = totals[set & ~(1 << at)] as number;
        // The planner estimates at least one row.
        if (set & (1 << at) && without > 1)
          expect(totals[set], `${query}, of which ${parameter}`).toBeLessThan(without);
      }
    }
  });

  test.each(["count=exact", "page=1"])(
    "%s counts in the snapshot of its page, without a book that is added meanwhile",
    async (parameter) => {
      const { title, author, isbn, price } = newBook();
      const count = new Promise<() => void>((resolve) => {
        onCount = resolve;
      });
      const listing = list("", `limit=1&${parameter}`);
      const uncounted = listing.then(() => {
        throw new Error("The listing came without a count.");
      });
      const resume = await Promise.race([count, uncounted]);
      const readers = () =>
        database.sql(
          `select from pg_stat_activity where datname = current_database()
           and state = 'idle in transaction' and query like 'select%'`,
        );
      await expect.poll(readers, { message: "the page was not read before the count" }).toHaveLength(1);
      await database.sql("insert into books (title, author, isbn, price) values ($1, $2, $3, $4)", [
        title,
        author,
        isbn,
        price,
      ]);
      resume();
      const { total } = await listing;
      await database.sql("delete from books where isbn = $1", [isbn]);
      expect(total, "counted when its page was read").toBe(BOOKS.length);
    },
  );
});
