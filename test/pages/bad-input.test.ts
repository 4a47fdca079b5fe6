/** What pages make of bad input: the status of the API, a page that says why, and a way on. */
import { beforeAll, describe, expect, test } from "vitest";
import { rawRequest } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { databaseOf, RUNTIMES, startServer } from "../support/servers.ts";
import { fillShop, HOSTILE, PLAIN, RICH, RIGHT_TO_LEFT } from "../support/shop.ts";

const HTML = "text/html; charset=utf-8";
const PROBLEM = "application/problem+json";
const LONG = "a".repeat(201);

/** What a browser sends when it opens an address. */
const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await fillShop(database);
});

describe.each(RUNTIMES)("on %s", (runtime) => {
  let url: string;

  beforeAll(async () => {
    ({ url } = await startServer(runtime, database, { COVER_ORIGINS: "https://covers.example" }));
  });

  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(url + path, { headers: { Accept: BROWSER, ...headers }, redirect: "manual" });

  test.each([
    [`search=${LONG}`, "The search must have 200 characters or fewer."],
    [`author=${LONG}`, "The author must have 200 characters or fewer."],
    ["min_price=cheap", "The lowest price must be a price, such as 12.50."],
    ["min_price=1e3", "The lowest price must be a price, such as 12.50."],
    ["max_price=-1", "The highest price must be a price, such as 12.50."],
    ["max_price=100000000", "The highest price must be 99999999.99 or less."],
    ["min_price=9&max_price=5", "The lowest price must not exceed the highest price."],
    ["language=!", "The language must be a language tag such as en or pt-BR."],
    ["format=scroll", "The format must be one of hardback, paperback"],
    ["in_stock=maybe", "“In stock” must be true or false."],
    ["sort=colour", "The order must be one of"],
    ["sort=relevance", "The order must not be relevance without search."],
    ["published_from=2008-02-30", "The first date of publication must be a date"],
    ["isbn=123", "The ISBN must be a valid ISBN-10 or ISBN-13."],
    ["id=x", "The id must be a UUID."],
    ["search=a&search=b", "The search must not be repeated."],
    ["search=%FF", "The search must be percent-encoded UTF-8."],
    ["search=%00", "The search must not contain U+0000."],
    [`search=a${"%CC%81".repeat(31)}`, "The search must not contain more than 30 combining marks in a row."],
    [`subject=${LONG}`, "The subject must have 100 characters or fewer."],
  ])("/?%s is a page that says why", async (query, sentence) => {
    const response = await get(`/?${query}`);
    expect([response.status, response.headers.get("Content-Type")]).toEqual([422, HTML]);
    expect((await get(`/api/v1/books?${query}`)).status).toBe(422);
    const html = await response.text();
    expect(html).toContain(sentence);
    expect(html).toContain('<a class="button" href="/">Show all books</a>');
  });

  test.each([
    "",
    "page=x",
    "page=0&limit=0&count=x",
    "utm_source=x&constructor=1&__proto__=2&=3&%FF=4",
    "search=&author=&min_price=&max_price=&language=&format=&in_stock=&sort=&cursor=",
    "search=&search=novel",
    "&&&",
    "search=%F0%9F%93%9A",
    "search=%3C%2Fscript%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    `search=${"a".repeat(200)}`,
    "language=xx-yy",
    "language=abcd",
    "subject=%22%3E%3Cimg+src%3Dx%3E",
  ])("/?%s is the catalogue", async (query) => {
    const response = await get(`/?${query}`);
    expect(response.status).toBe(200);
    const html = await response.text();
    expect(html).not.toMatch(/<script>|<img src=x/);
    expect(html).toContain('id="results"');
  });

  test("a changed cursor is 400, and the way on is the start of the list", async () => {
    const html = await (await get("/?sort=title")).text();
    const [, cursor = ""] = html.match(/cursor=([\w-]+)/) ?? [];
    expect((await get(`/?sort=title&cursor=${cursor}`)).status).toBe(200);
    for (const query of [
      `sort=title&cursor=${cursor.slice(0, -1)}`,
      `sort=price&cursor=${cursor}`,
      `search=novel&sort=title&cursor=${cursor}`,
      "sort=title&cursor=x",
    ]) {
      const response = await get(`/?${query}`);
      expect([query, response.status]).toEqual([query, 400]);
      const first = query.replace(/&cursor=.*/, "").replaceAll("&", "&amp;");
      expect(await response.text()).toContain(
        `<a class="button" href="/?${first}">Go to the start of the list</a>`,
      );
    }
  });

  test("the cursors of pages are those of the API", async () => {
    const { next_cursor } = await (await get("/api/v1/books?sort=title&limit=24")).json();
    const html = await (await get("/?sort=title")).text();
    expect(html).toContain(`cursor=${next_cursor}"`);
  });

  test.each([
    ["/", [HTML, "application/json"]],
    [`/books/${RICH}-rich`, [HTML, "application/json"]],
    ["/books/9780306406157", [HTML, PROBLEM]],
    ["/?min_price=x", [HTML, PROBLEM]],
    ["/?cursor=x", [HTML, PROBLEM]],
  ])("%s is JSON for who asks for JSON, and else a page", async (path, [page, json]) => {
    const typeFor = async (accept: string) =>
      (await get(path, { Accept: accept })).headers.get("Content-Type") ?? "";
    const isJsonWanted = path !== "/?min_price=x" && path !== "/?cursor=x";
    for (const accept of [
      BROWSER,
      "*/*",
      "",
      "text/*",
      "text/html",
      "image/png",
      "text/html;q=0.1",
      "nonsense",
      ";q=",
    ])
      expect([accept, await typeFor(accept)]).toEqual([accept, page]);
    for (const accept of [
      "application/json",
      "application/json, text/html;q=0.9",
      "application/*",
      "APPLICATION/JSON",
    ])
      if (isJsonWanted) expect([accept, await typeFor(accept)]).toEqual([accept, json]);
  });

  test.each([
    ["/nothing", BROWSER, HTML],
    ["/nothing", "*/*", PROBLEM],
    ["/nothing", "application/json", PROBLEM],
    ["/api/v1/nothing", BROWSER, PROBLEM],
    ["/api/v1/books/x", BROWSER, PROBLEM],
  ])("%s is 404 for who accepts %s, as %s", async (path, accept, type) => {
    const { status, headers } = await get(path, { Accept: accept });
    expect([status, headers.get("Content-Type")]).toEqual([404, type]);
  });

  test("pages take no other methods", async () => {
    for (const path of ["/", `/books/${RICH}`, "/sitemap.xml", "/assets/page-0.css"]) {
      const { status, headers } = await rawRequest(url, { method: "POST", path });
      expect([path, status, headers.get("Allow")]).toEqual([path, 405, "GET, HEAD, OPTIONS"]);
    }
  });

  test.each([PLAIN, RICH, HOSTILE, RIGHT_TO_LEFT])(
    "the book %s is a page, whatever it contains",
    async (isbn) => {
      const { headers } = await get(`/books/${isbn}`);
      const response = await get((headers.get("Location") ?? `/books/${isbn}`).replace(url, ""));
      expect(response.status).toBe(200);
      expect(await response.text()).not.toMatch(/<script>|<img src=x|alert\(1\)<\/(?!h1|a|tspan|title)/);
    },
  );

  test("only covers of the configured origins are loaded", async () => {
    await database.sql("update books set cover_url = 'https://elsewhere.example/x.jpg' where isbn = $1", [
      PLAIN,
    ]);
    const html = await (await get(`/?isbn=${PLAIN},${RICH}`)).text();
    expect([...html.matchAll(/<img src="([^"]*)"/g)].map(([, source]) => source)).toEqual([
      "https://covers.example/rich.svg",
    ]);
    const policy = (await get("/")).headers.get("Content-Security-Policy");
    expect(policy).toContain("img-src 'self' https://covers.example;");
  });

  test("a database that is away is a page that says so", async () => {
    const { variable, protocol } = databaseOf(runtime, database);
    const away = `${protocol}://${protocol === "http" ? "" : "octavo:octavo@"}127.0.0.1:9/octavo`;
    const server = await startServer(runtime, database, { [variable]: away });
    for (const path of ["/", "/?search=novel", `/books/${RICH}-rich`, "/sitemap.xml"]) {
      const response = await fetch(server.url + path, { headers: { Accept: BROWSER } });
      expect([path, response.status, response.headers.get("Retry-After")]).toEqual([path, 503, "1"]);
      const html = await response.text();
      expect(html).toContain("The catalogue is not available");
      expect(html).toContain(`<a class="button" href="${path}">Try again</a>`);
      expect(html).not.toMatch(/postgres|select|ECONNREFUSED|127\.0\.0\.1:9/);
    }
    const json = await fetch(server.url, { headers: { Accept: "application/json" } });
    expect(json.status).toBe(200);
  });
});

test("pages count against the quota, and their files do not", async () => {
  const { url } = await startServer("node", database, { RATE_LIMIT: "3/60" });
  const html = await (await fetch(url)).text();
  const [, style = ""] = html.match(/href="(\/assets\/[^"]+\.css)"/) ?? [];
  for (let at = 0; at < 5; at++) expect((await fetch(url + style)).status).toBe(200);
  expect((await fetch(`${url}/sitemap.xml`)).status).toBe(200);
  expect((await fetch(`${url}/books/${PLAIN}-plain`)).status).toBe(200);
  const refused = await fetch(url);
  expect([refused.status, refused.headers.get("Content-Type")]).toEqual([429, HTML]);
  expect(Number(refused.headers.get("Retry-After"))).toBeGreaterThan(0);
  expect(await refused.text()).toContain("Too many requests");
});
