/** The catalogue as a page, without JavaScript, on each runtime. */
import { beforeAll, describe, expect, test } from "vitest";
import { isbnOf } from "../support/books.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";

const BOOKS = 60;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.sql(
    `insert into books (title, author, isbn, price, stock)
     select 'Book ' || lpad(n::text, 2, '0'), 'Ann Author', isbn, 10, n % 8
     from unnest($1::text[]) with ordinality as given (isbn, n)`,
    [Array.from({ length: BOOKS }, (_, at) => isbnOf(at))],
  );
});

describe.each(RUNTIMES)("on %s", (runtime) => {
  let url: string;

  beforeAll(async () => {
    ({ url } = await startServer(runtime, database));
  });

  test("links lead through the whole catalogue and back", async () => {
    const titles = (html: string) =>
      [...html.matchAll(/<a href="\/books[^>]*>(Book \d\d)</g)].map(([, title]) => title);
    const linkIn = (html: string, rel: string) =>
      html.match(new RegExp(`<a[^>]*rel="${rel}" href="([^"]+)"`))?.[1]?.replaceAll("&amp;", "&");
    const pageAt = async (path: string) => {
      const response = await fetch(url + path);
      expect([path, response.status]).toEqual([path, 200]);
      return response.text();
    };
    const pages: string[] = [];
    for (let path: string | undefined = "/?sort=title"; path; ) {
      const html = await pageAt(path);
      pages.push(html);
      path = linkIn(html, "next");
    }
    const all = Array.from({ length: BOOKS }, (_, at) => `Book ${`${at + 1}`.padStart(2, "0")}`);
    expect(pages.map(titles)).toEqual([all.slice(0, 24), all.slice(24, 48), all.slice(48)]);
    expect(titles(await pageAt(linkIn(pages[2] ?? "", "prev") ?? ""))).toEqual(all.slice(24, 48));
  });

  test.each([
    "sort=-title",
    "sort=created_at",
    "in_stock=false",
    "in_stock=true",
    "language=tlh",
    "format=ebook",
    "subject=a%22b",
    "publisher=x",
    "published_from=2001",
    "published_to=2002",
    "author=ann",
    "min_price=1.50",
    "max_price=99",
    "isbn=9780306406157",
  ])("the form keeps %s", async (query) => {
    const html = await (await fetch(`${url}/?${query}`)).text();
    const [name = "", value = ""] = [...new URLSearchParams(query)][0] ?? [];
    const escaped = value.replaceAll('"', "&quot;");
    const isKept = [
      `name="${name}" value="${escaped}" form="search" checked=""`,
      `name="${name}" form="search" value="${escaped}"`,
      `<option value="${escaped}" selected=""`,
    ].some((field) => html.includes(field));
    expect(isKept).toBe(true);
  });

  test("a page has a weak tag, and is 304 for who has it", async () => {
    const first = await fetch(url, { headers: { "Accept-Encoding": "identity" } });
    const tag = first.headers.get("ETag") ?? "";
    expect(tag).toMatch(/^W\/"[\da-f]{32}"$/);
    const again = await fetch(url, { headers: { "If-None-Match": tag } });
    expect([again.status, again.headers.get("Cache-Control"), await again.text()]).toEqual([
      304,
      "no-cache",
      "",
    ]);
  });

  test("the files of a page are kept for good, and those of another release are not", async () => {
    const html = await (await fetch(url)).text();
    const paths = [...html.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path = ""]) => path);
    expect(paths.length).toBe(3);
    for (const path of paths) {
      const { status, headers } = await fetch(url + path);
      expect([path, status, headers.get("Cache-Control")]).toEqual([
        path,
        200,
        "public, max-age=31536000, immutable",
      ]);
      const former = await fetch(url + path.replace(/-[\da-f]+/, "-0123456789"));
      expect([former.status, former.headers.get("Cache-Control")]).toEqual([200, "no-cache"]);
    }
    for (const name of [
      "page.css",
      "other-0123456789.css",
      "page-.css",
      "..%2fdocs%2findex.html",
      "constructor",
    ])
      expect([name, (await fetch(`${url}/assets/${name}`)).status]).toEqual([name, 404]);
  });
});
