/** Pages of a search by relevance: with the plan and the bounds of the first page, a later one finds the same books. */
import { beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;

type Hit = { book_id: string; score: number };

beforeAll(async () => {
  database = await createTestDatabase();
  // 400 equal titles, 200 that begin so, 900 that have the word, and 500 without it.
  await database.sql(
    `insert into books (title, author, isbn, price)
     select case when n < 400 then 'Dune' when n < 600 then 'Dune ' || n when n < 1500 then n || ' of Dune' else 'Other' end,
       'Author ' || n, 9780000000000 + n, 1
     from generate_series(0, 1999) as n order by hashint4(n)`,
  );
  await database.sql("analyze book_search");
});

/** Reads the plan and the first page, and gives a function that reads the same books again, as a later page does. */
async function search(term: string, common?: boolean): Promise<{ hits: Hit[]; again: () => Promise<Hit[]> }> {
  const [planned] = await database.sql<{ plan: Record<string, unknown> }>(
    "select to_json(octavo_plan_search($1, null)) as plan",
    [term],
  );
  const plan = JSON.stringify({ ...planned?.plan, ...(common === undefined ? {} : { is_common: common }) });
  const read = (size: number | null, bounds: string | null) =>
    database.sql<Hit & { page_bounds: unknown }>(
      `select book_id, score, to_json(page_bounds) as page_bounds from octavo_search_books(
         json_populate_record(null::octavo_search_plan, $1), $2, json_populate_record(null::octavo_search_bounds, $3)
       ) order by score desc, book_id desc`,
      [plan, size, bounds],
    );
  const strip = ({ book_id, score }: Hit) => ({ book_id, score });
  const first = await read(1000, null);
  const reached = first[0]?.page_bounds;
  const bounds = reached ? JSON.stringify(reached) : null;
  return { hits: first.map(strip), again: async () => (await read(null, bounds)).map(strip) };
}

test.each([true, false])(
  "a search gives 1,000 books at most, each once, and again the same (common: %s)",
  async (common) => {
    const { hits, again } = await search("dune", common);
    expect(hits).toHaveLength(1000);
    expect(new Set(hits.map(({ book_id }) => book_id)).size).toBe(1000);
    expect(await again()).toEqual(hits);
  },
);

test.each(["d", "dun", "dune 1"])("%s gives the same books again in a large catalogue", async (term) => {
  const count = (books: number) =>
    database.sql(`update pg_class set reltuples = ${books} where relname = 'book_search'`);
  await count(1_000_000);
  const { hits, again } = await search(term);
  await count(2_000);
  expect(hits.length).toBeGreaterThan(100);
  expect(hits.length).toBeLessThanOrEqual(1000);
  expect(await again()).toEqual(hits);
});

test("both ways of reading the matches find the same books", async () => {
  expect((await search("dune", true)).hits).toEqual((await search("dune", false)).hits);
});

test("equal titles come first", async () => {
  const { hits } = await search("dune");
  const titles = await database.sql<{ id: string; title: string }>("select id, title from books");
  const byId = new Map(titles.map(({ id, title }) => [id, title]));
  expect(hits.slice(0, 300).every(({ book_id }) => byId.get(book_id) === "Dune")).toBe(true);
});

test("books that do not change stay on the pages, whatever happens to others", async () => {
  const { hits, again } = await search("dune");
  const touched = [hits[0], hits[310], hits[420], hits[999]].map((hit) => hit?.book_id);
  await database.sql("delete from books where id = $1", [touched[0]]);
  await database.sql("update books set title = 'Elsewhere' where id = any($1)", [touched.slice(1, 3)]);
  await database.sql("update books set author = 'Somebody else' where id = $1", [touched[3]]);
  await database.sql(
    `insert into books (title, author, isbn, price)
     select case n % 3 when 0 then 'Dune' when 1 then 'Dune 0' else 'On Dune' end, 'New', 9790000000000 + n, 1
     from generate_series(1, 1500) as n`,
  );
  await database.sql("vacuum analyze book_search");
  const unchanged = (list: Hit[]) => list.filter(({ book_id }) => !touched.includes(book_id));
  expect(unchanged(await again())).toEqual(unchanged(hits));
  await database.sql("delete from books where isbn like '979%'");
});

test("a search that has fewer books than the limits has new books too, on later pages", async () => {
  const { hits, again } = await search("1234 of dune");
  expect(hits.length).toBeGreaterThan(0);
  await database.sql(
    "insert into books (title, author, isbn, price) values ('1234 of Dune', 'New', '9791111111111', 1)",
  );
  const later = await again();
  expect(later).toHaveLength(hits.length + 1);
  expect(later).toEqual(expect.arrayContaining(hits));
  await database.sql("delete from books where isbn like '979%'");
});
