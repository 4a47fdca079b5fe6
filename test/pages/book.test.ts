/** The page of a book, on each runtime. */
import { beforeAll, describe, expect, test } from "vitest";
import { isbnOf } from "../support/books.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";

const DUNE = isbnOf(1);
const UNKNOWN = isbnOf(9);

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.sql(
    `insert into books (title, author, isbn, price, stock, description, publisher, published, language, format,
       pages, subjects)
     values ('Dune: Part "One" <b>', 'Frank Herbert', $1, 9.5, 3, E'First.\\n\\nSecond.', 'Ace & Co', '1990-09',
       'en', 'paperback', 535, '{Science fiction,Deserts}'),
       ('Dune Messiah', 'Frank Herbert', $2, 12, 0, null, null, null, null, null, null, '{}'),
       ('Emma', 'Jane Austen', $3, 7, 50, null, null, null, null, null, null, '{}')`,
    [DUNE, isbnOf(2), isbnOf(3)],
  );
});

describe.each(RUNTIMES)("on %s", (runtime) => {
  let url: string;

  beforeAll(async () => {
    ({ url } = await startServer(runtime, database, { SHOP_CURRENCY: "EUR", SHOP_LOCALE: "de-DE" }));
  });

  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(url + path, { headers, redirect: "manual" });

  test("the page says what there is to know", async () => {
    const response = await get(`/books/${DUNE}-dune-part-one-b`);
    expect(response.status).toBe(200);
    const html = await response.text();
    for (const part of [
      '<h1 dir="auto" lang="en">Dune: Part &quot;One&quot; &lt;b&gt;</h1>',
      "9,50\u00a0€",
      "3 left in the shop",
      "<p>First.</p><p>Second.</p>",
      "Paperback, 535 pages",
      `<a href="/?publisher=Ace+%26+Co"`,
      "September 1990",
      "English",
      DUNE,
      `<a href="/?subject=Deserts"`,
      "Dune Messiah",
    ])
      expect(html).toContain(part);
    expect(html).not.toContain("Emma");
  });

  test.each([
    [`/books/${DUNE}`],
    [`/books/${DUNE}-`],
    [`/books/${DUNE}-emma`],
    [`/books/${DUNE}-Dune-part-one-b`],
    [`/books/${DUNE}-%FF`],
    [`/books/${DUNE.slice(0, 3)}-${DUNE.slice(3)}`],
  ])("%s leads to the address with the right title", async (path) => {
    const { status, headers } = await get(path);
    expect([status, headers.get("Location")]).toEqual([301, `${url}/books/${DUNE}-dune-part-one-b`]);
  });

  test.each([
    `/books/${UNKNOWN}`,
    `/books/${UNKNOWN}-dune`,
    `/books/${DUNE}x`,
    "/books/9780306406158-wrong-digit",
    "/books/dune",
    "/books/-",
    "/books/%00",
    "/books",
    "/books/",
    `/books/${DUNE}/dune`,
  ])("%s is a page that says that there is nothing", async (path) => {
    const response = await get(path, { Accept: "text/html" });
    expect([response.status, response.headers.get("Content-Type")]).toEqual([
      404,
      "text/html; charset=utf-8",
    ]);
    expect(await response.text()).toContain("This page does not exist");
  });

  test("whoever asks for JSON gets the book as the API has it", async () => {
    const json = { Accept: "application/json" };
    const page = await get(`/books/${DUNE}`, json);
    const book = await get(`/api/v1/books/isbn/${DUNE}`);
    expect(page.headers.get("ETag")).toBe(book.headers.get("ETag"));
    expect(await page.text()).toBe(await book.text());
    expect((await get(`/books/${UNKNOWN}`, json)).headers.get("Content-Type")).toBe(
      "application/problem+json",
    );
  });

  test("a title without letters has an address of its ISBN alone", async () => {
    const isbn = isbnOf(100 + RUNTIMES.indexOf(runtime));
    await database.sql("insert into books (title, author, isbn, price) values ('?!', '—', $1, 1)", [isbn]);
    expect((await get(`/books/${isbn}`)).status).toBe(200);
    expect((await get(`/books/${isbn}-x`)).headers.get("Location")).toBe(`${url}/books/${isbn}`);
  });
});
