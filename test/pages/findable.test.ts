/** What search engines, messengers and browsers find in the pages and beside them, on each runtime. */
import { beforeAll, describe, expect, test } from "vitest";
import { isbnOf } from "../support/books.ts";
import { rawRequest } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { fillShop, HOSTILE, PLAIN, RICH } from "../support/shop.ts";
import { xmlFaults } from "../support/xml.ts";

const SHOP = "https://shop.example";

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await fillShop(database);
  await database.sql(
    `insert into books (title, author, isbn, price) select 'Filler', 'Nobody', isbn, 1 from unnest($1::text[]) as isbn`,
    [Array.from({ length: 2500 }, (_, at) => isbnOf(10_000 + at))],
  );
});

describe.each(RUNTIMES)("on %s", (runtime) => {
  let url: string;
  let unnamed: string;

  beforeAll(async () => {
    ({ url } = await startServer(runtime, database, { PUBLIC_URL: SHOP, SHOP_CURRENCY: "CHF" }));
    ({ url: unnamed } = await startServer(runtime, database));
  });

  const textOf = async (path: string) => (await fetch(url + path)).text();
  const metaOf = (html: string, name: string) =>
    html.match(new RegExp(`<meta (?:name|property)="${name}" content="([^"]*)"`))?.[1];
  const canonicalOf = (html: string) => html.match(/<link rel="canonical" href="([^"]*)"/)?.[1];
  const dataOf = (html: string) =>
    JSON.parse(html.match(/<script type="application\/ld\+json">(.*?)<\/script>/)?.[1] ?? "null");

  test("the page of a book describes it and its offer", async () => {
    const html = await textOf(`/books/${RICH}-rich`);
    const address = `${SHOP}/books/${RICH}-rich`;
    expect(canonicalOf(html)).toBe(address);
    expect(html).toContain("<title>Rich by Ann Author · Octavo</title>");
    expect(metaOf(html, "description")).toMatch(/^A long description.{150,190}…$/);
    expect(metaOf(html, "og:type")).toBe("book");
    expect(metaOf(html, "og:url")).toBe(address);
    expect(metaOf(html, "og:image")).toBe("https://covers.example/rich.svg");
    expect(dataOf(html)).toEqual({
      "@context": "https://schema.org",
      "@type": "Book",
      "@id": address,
      url: address,
      name: "Rich",
      author: { "@type": "Person", name: "Ann Author" },
      isbn: RICH,
      description: expect.stringMatching(/^A long description/),
      inLanguage: "de-CH",
      datePublished: "2008-09-14",
      numberOfPages: 1,
      bookFormat: "https://schema.org/Hardcover",
      image: "https://covers.example/rich.svg",
      publisher: { "@type": "Organization", name: "Publisher & Sons" },
      genre: ["Fish & chips", "<i>", "日本"],
      offers: {
        "@type": "Offer",
        url: address,
        price: "99999999.99",
        priceCurrency: "CHF",
        availability: "https://schema.org/InStock",
      },
    });
  });

  test("a book without details has what is known", async () => {
    expect(Object.keys(dataOf(await textOf(`/books/${PLAIN}-plain`)))).toEqual([
      "@context",
      "@type",
      "@id",
      "url",
      "name",
      "author",
      "isbn",
      "offers",
    ]);
  });

  test("no text of a book ends the element of its data", async () => {
    const html = await textOf(`/books/${HOSTILE}-script-script-alert-1-script`);
    expect(dataOf(html)).toMatchObject({
      name: "</script><script>alert(1)</script>",
      description: "<!--<script>",
    });
    expect(html.match(/<script/g)?.length).toBe(2);
  });

  test.each([
    ["/", "/", undefined],
    ["/?utm_source=x&search=&page=3", "/", undefined],
    ["/?subject=Fish+%26+chips", "/?subject=Fish+%26+chips", undefined],
    ["/?search=novel&sort=title", "/?search=novel&amp;sort=title", "noindex"],
  ])("%s stands for %s, and robots are told %s", async (path, canonical, robots) => {
    const html = await textOf(path);
    expect([canonicalOf(html), metaOf(html, "robots")]).toEqual([SHOP + canonical, robots]);
  });

  test("the catalogue says how to search it", async () => {
    expect(dataOf(await textOf("/"))).toMatchObject({
      "@type": "WebSite",
      potentialAction: { target: { urlTemplate: `${SHOP}/?search={search_term}` } },
    });
    const description = await textOf("/opensearch.xml");
    expect(xmlFaults(description)).toEqual([]);
    expect(description).toContain(`template="${SHOP}/?search={searchTerms}"`);
  });

  test("the sitemap leads to every book once", async () => {
    expect(await textOf("/robots.txt")).toContain(`Sitemap: ${SHOP}/sitemap.xml`);
    const response = await fetch(`${url}/sitemap.xml`);
    expect(response.headers.get("Cache-Control")).toBe("public, max-age=86400");
    const index = await response.text();
    expect(xmlFaults(index)).toEqual([]);
    const locationsIn = (xml: string) => [...xml.matchAll(/<loc>([^<]+)<\/loc>/g)].map(([, loc = ""]) => loc);
    const parts = await Promise.all(locationsIn(index).map((part) => textOf(part.replace(SHOP, ""))));
    expect(parts.length).toBe(2);
    expect(parts.flatMap(xmlFaults)).toEqual([]);
    const books = parts.flatMap(locationsIn);
    const [row] = await database.sql("select count(*)::int as count from books");
    expect([books.length, new Set(books).size]).toEqual([row?.count, row?.count]);
    for (const book of [books[0], books.at(-1)])
      expect((await fetch(`${book}`.replace(SHOP, url), { redirect: "manual" })).status).toBe(200);
  });

  test.each(["ffffffff-ffff-7fff-bfff-ffffffffffff.xml", "x.xml", "", ".xml", `${"0".repeat(36)}.xml`])(
    "/sitemaps/%s is 404",
    async (part) => {
      expect((await fetch(`${url}/sitemaps/${part}`)).status).toBe(404);
    },
  );

  test("without PUBLIC_URL, a Host decides nothing", async () => {
    const forged = (path: string) =>
      rawRequest(unnamed, { path, headers: { Host: "forged.example", Accept: "text/html" } });
    for (const path of [
      "/",
      `/books/${RICH}-rich`,
      `/books/${RICH}`,
      "/robots.txt",
      "/sitemap.xml",
      "/opensearch.xml",
    ]) {
      const { text, headers } = await forged(path);
      expect(`${path} ${text} ${JSON.stringify([...headers])}`).not.toContain("forged");
    }
    expect((await forged("/sitemap.xml")).status).toBe(404);
    expect((await forged(`/books/${RICH}`)).headers.get("Location")).toBe(`/books/${RICH}-rich`);
    expect(canonicalOf((await forged("/")).text)).toBe("/");
  });
});
