/** From requests to pages: the same stores and cursors as the API, and no rules of their own. */
import { listBooks } from "../books/contract.ts";
import { listingOf } from "../books/listing.ts";
import * as books from "../books/store.ts";
import type { Api } from "../http/api.ts";
import { Content } from "../http/content.ts";
import type { Preconditions } from "../http/etag.ts";
import type { HandlerContext } from "../http/handler.ts";
import { Problem } from "../http/problem.ts";
import { fresh, jsonReply } from "../http/reply.ts";
import { BookPage } from "./book.tsx";
import { CataloguePage } from "./catalogue.tsx";
import * as contract from "./contract.ts";
import { openSearch, robotsText, sitemapIndex, sitemapPart } from "./for-machines.ts";
import type { Pages } from "./pages.ts";
import { readBookAndOthers, readPart, readPartStarts } from "./store.ts";
import { pathOf, slugOf } from "./words.ts";

/** How long a server keeps the index of the sitemap, for which it reads all ids. */
const INDEX_KEPT_MS = 600_000;

/** Files whose path names their content never change. */
const FOREVER = "public, max-age=31536000, immutable";

/** What programs get from the address of a page. */
const VARIED = { Vary: "Accept" };

export function pageRoutes(api: Api, pages: Pages): void {
  showBooks(api, pages);
  guideMachines(api, pages);
  api.page(contract.getAsset, async ({ params: { file }, preconditions }, context) => {
    const asset = await pages.assets.find(file);
    if (!asset) throw new Problem("not_found", "There is no such file.");
    const { type, content, isCurrent } = asset;
    const headers = { "Content-Type": type, "Cache-Control": isCurrent ? FOREVER : "no-cache" };
    return content.reply(headers, preconditions, context);
  });
}

function showBooks(api: Api, pages: Pages): void {
  api.page(contract.showCatalogue, async ({ query, position, url, preconditions }, context) => {
    if (context.prefersJson) return jsonReply(200, JSON.stringify(linksOf(pages.base(url))), VARIED);
    const { found, match } = await books.listBooks(context.database, query, position);
    const source = `${match} ${found.keys} ${found.state}\n${found.lines}`;
    return pages.reply({ url, preconditions }, source, context, (site) => {
      const { rows, next, previous } = context.pages.cut(found, position, listingOf(query, url));
      const linkTo = (cursor: string | null) => (cursor === null ? undefined : addressOf(url, cursor));
      const shown = {
        query,
        given: (name: string) => url.searchParams.get(name) ?? "",
        books: rows.map((row) => JSON.parse(row)),
        match,
        isFirst: position === undefined,
        address: addressOf(url),
        next: linkTo(next),
        previous: linkTo(previous),
      };
      return CataloguePage({ site, shown });
    });
  });

  api.page(contract.showBook, async ({ params: { book: key }, url, preconditions }, context) => {
    const found = await readBookAndOthers(context.database, key.isbn);
    if (context.prefersJson) {
      const reply = fresh(found, preconditions);
      return { ...reply, headers: { ...reply.headers, ...VARIED } };
    }
    const book = JSON.parse(found.json);
    if (key.slug !== slugOf(book.title)) return movedTo(pages.base(url) + pathOf(book));
    const source = `${found.json}\n${found.others}`;
    const reply = await pages.reply({ url, preconditions }, source, context, (site) => {
      const others = found.others?.split("\n").map((other) => JSON.parse(other)) ?? [];
      return BookPage({ site, book, others });
    });
    return { ...reply, resource: found.id };
  });
}

/** What search engines and browsers find the pages by. */
function guideMachines(api: Api, pages: Pages): void {
  api.page(contract.getRobots, async ({ url, preconditions }, context) =>
    daily(robotsText(pages.base(url)), "text/plain; charset=utf-8", preconditions, context),
  );

  api.page(contract.getOpenSearch, async ({ url, preconditions }, context) => {
    const { "icon.svg": icon } = await pages.assets.paths();
    const text = openSearch(requireBase(pages, url), icon);
    return daily(text, "application/opensearchdescription+xml", preconditions, context);
  });

  let index: { starts: string[]; until: number } | undefined;
  api.page(contract.getSitemap, async ({ url, preconditions }, context) => {
    const base = requireBase(pages, url);
    if (!index || index.until < Date.now())
      index = { starts: await readPartStarts(context.database), until: Date.now() + INDEX_KEPT_MS };
    return daily(sitemapIndex(base, index.starts), "application/xml", preconditions, context);
  });

  api.page(contract.getSitemapPart, async ({ params: { part }, url, preconditions }, context) => {
    const base = requireBase(pages, url);
    const found = await readPart(context.database, part);
    if (found.length === 0) throw new Problem("not_found", "The sitemap has no such part.");
    return daily(sitemapPart(base, found), "application/xml", preconditions, context);
  });
}

/** A text that is fetched by few and seldom. */
function daily(text: string, type: string, preconditions: Preconditions, context: HandlerContext) {
  const headers = { "Content-Type": type, "Cache-Control": "public, max-age=86400" };
  return new Content(text).reply(headers, preconditions, context);
}

/** What these files say is absolute, so they exist only where the origin is known. */
function requireBase(pages: Pages, url: URL): string {
  const base = pages.base(url);
  if (!base)
    throw new Problem("not_found", "This file needs the server's PUBLIC_URL, which is not configured.");
  return base;
}

/** Redirects for good, but asks again: a book may get another title. */
const movedTo = (address: string) => ({
  status: 301,
  body: `This book is at ${address}\n`,
  headers: {
    Location: address,
    "Cache-Control": "no-cache",
    "Content-Type": "text/plain; charset=utf-8",
    ...VARIED,
  },
});

/** What the root tells programs. */
const linksOf = (base: string) => ({
  links: {
    books: `${base}${listBooks.path}`,
    openapi: `${base}/openapi.json`,
    docs: `${base}/docs`,
    api_catalog: `${base}/.well-known/api-catalog`,
  },
});

/** The address of the catalogue's page with the same filters and order, from a cursor on or from the start. */
function addressOf({ searchParams }: URL, cursor?: string): string {
  const query = new URLSearchParams(searchParams);
  query.delete("limit");
  query.delete("cursor");
  if (cursor !== undefined) query.set("cursor", cursor);
  return query.size > 0 ? `/?${query}` : "/";
}
