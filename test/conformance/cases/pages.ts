/** Pages for people, and what leads to them: the same HTML everywhere. */
import { isbnOf } from "../../support/books.ts";
import type { Case } from "../exchange.ts";
import { each, type Row, reads } from "./tables.ts";

const html = { Accept: "text/html" };
const json = { Accept: "application/json" };

export const pageCases: Case[] = [
  ...reads(
    "page",
    [
      "/",
      "/?sort=title",
      "/?sort=-price&in_stock=true",
      "/?sort=published&language=en",
      "/?sort=author&format=paperback&min_price=1&max_price=50",
      "/?search=dune",
      "/?search=dnue",
      "/?search=dune+xyzzy",
      "/?search=%E6%9D%B1%E4%BA%AC",
      "/?search=nothing+at+all+xyzzy",
      "/?author=zola&subject=x&publisher=y",
      "/?search=&page=x&utm_source=y&=",
      `/?${"a".repeat(8000)}`,
      "/robots.txt",
      "/sitemap.xml",
      "/opensearch.xml",
    ].map((path) => [200, path] as const),
  ),
  ...reads("page", [
    [200, "/", { headers: json }],
    [200, "/?search=dune", { headers: { Accept: "application/json, text/html;q=0.5" } }],
    [404, "/nothing", { headers: html }],
    [404, "/books/9780306406157", { headers: html }],
    [404, "/books/x", { headers: json }],
    [404, "/sitemaps/x.xml", { headers: html }],
    [404, "/assets/x.css"],
    [400, "/?cursor=x", { headers: html }],
    [400, "/", { headers: { ...html, "If-None-Match": "x" } }],
    [422, `/?search=${"a".repeat(201)}`, { headers: html }],
    [422, "/?min_price=2&max_price=1&language=!&format=x&sort=y&in_stock=z"],
    [422, "/?min_price=x", { headers: json }],
  ]),
  ...each(
    "page",
    ["POST", "PUT", "PATCH", "DELETE"].flatMap((method) => [
      [405, method, "/"] as Row,
      [405, method, "/books/x", { headers: html }] as Row,
    ]),
  ),
  {
    name: "the page of each book on the first page of the catalogue, by its link",
    run: async (send) => {
      const { text } = await send(200, "GET", "/?sort=title", { headers: html });
      for (const [, path = ""] of text.matchAll(/href="(\/books\/[^"]+)"/g)) {
        const { headers } = await send(200, "GET", path, { headers: html });
        await send(304, "GET", path, { headers: { "If-None-Match": headers.get("ETag") ?? "" } });
        await send(200, "GET", path, { headers: json });
        await send(301, "GET", path.replace(/-.*/, "-former"), { headers: html });
      }
    },
  },
  {
    name: "the pages of the catalogue, by their links, and the parts of the sitemap",
    run: async (send) => {
      const first = await send(200, "GET", "/?sort=title", { headers: html });
      const [, next = "/"] = first.text.match(/rel="next" href="([^"]+)"/) ?? [];
      const second = await send(200, "GET", next.replaceAll("&amp;", "&"), { headers: html });
      const [, previous = "/"] = second.text.match(/rel="prev" href="([^"]+)"/) ?? [];
      await send(200, "GET", previous.replaceAll("&amp;", "&"), { headers: html });
      const { text } = await send(200, "GET", "/sitemap.xml");
      for (const [, part = ""] of text.matchAll(/(\/sitemaps\/[^<]+)</g)) await send(200, "GET", part);
    },
  },
  {
    name: "the files of a page",
    run: async (send) => {
      const { text } = await send(200, "GET", "/", { headers: html });
      for (const [, path = ""] of text.matchAll(/"(\/assets\/[^"]+)"/g)) {
        await send(200, "GET", path);
        await send(200, "HEAD", path);
      }
      await send(404, "GET", `/books/${isbnOf(999)}`, { headers: html });
    },
  },
];
