/** From requests to pages: the same stores and cursors as the API, and no rules of their own. */
import { listBooks } from "../books/contract.ts";
import { listingOf } from "../books/listing.ts";
import * as books from "../books/store.ts";
import type { Api } from "../http/api.ts";
import { Problem } from "../http/problem.ts";
import { fresh, jsonReply } from "../http/reply.ts";
import { BookPage } from "./book.tsx";
import { CataloguePage } from "./catalogue.tsx";
import * as contract from "./contract.ts";
import type { Pages } from "./pages.ts";
import { readBookAndOthers } from "./store.ts";
import { pathOf, slugOf } from "./words.ts";

/** Files whose path names their content never change. */
const FOREVER = "public, max-age=31536000, immutable";

/** What programs get from the address of a page. */
const VARIED = { Vary: "Accept" };

export function pageRoutes(api: Api, pages: Pages): void {
  api.page(contract.showCatalogue, async ({ query, position, url, preconditions }, context) => {
    if (context.prefersJson) return jsonReply(200, JSON.stringify(linksOf(pages.base(url))), VARIED);
    const { found, match } = await books.listBooks(context.database, query, position);
    const source = JSON.stringify([match, found]);
    return pages.reply({ url, preconditions }, source, context, (site) => {
      const { rows, next, previous } = context.pages.cut(found, position, listingOf(query, url));
      const linkTo = (cursor: string | null) => (cursor === null ? undefined : addressOf(url, { cursor }));
      const shown = {
        query,
        given: (name: string) => url.searchParams.get(name) ?? "",
        books: rows.map((row) => JSON.parse(row)),
        match,
        isFirst: position === undefined,
        next: linkTo(next),
        previous: linkTo(previous),
      };
      return CataloguePage({ site, shown });
    });
  });

  api.page(contract.showBook, async ({ params: { book: key }, url, preconditions }, context) => {
    const found = await readBookAndOthers(context.database, key.isbn);
    if (context.prefersJson) return fresh(found, preconditions);
    const book = JSON.parse(found.json);
    if (key.slug !== slugOf(book.title)) return movedTo(pages.base(url) + pathOf(book));
    const source = `${found.json}\n${found.others}`;
    return pages.reply({ url, preconditions }, source, context, (site) => {
      const others = found.others?.split("\n").map((other) => JSON.parse(other)) ?? [];
      return BookPage({ site, book, others });
    });
  });

  api.page(contract.getAsset, async ({ params: { file }, preconditions }, context) => {
    const asset = await pages.assets.find(file);
    if (!asset) throw new Problem("not_found", "There is no such file.");
    const { type, content, isCurrent } = asset;
    const headers = { "Content-Type": type, "Cache-Control": isCurrent ? FOREVER : "no-cache" };
    return content.reply(headers, preconditions, context);
  });
}

/** Redirects for good, but asks again: a book may get another title. */
const movedTo = (address: string) =>
  ({ status: 301, headers: { Location: address, "Cache-Control": "no-cache", ...VARIED } }) as const;

/** What the root tells programs. */
const linksOf = (base: string) => ({
  links: {
    books: `${base}${listBooks.path}`,
    openapi: `${base}/openapi.json`,
    docs: `${base}/docs`,
    api_catalog: `${base}/.well-known/api-catalog`,
  },
});

/** The address of the catalogue's page with these parameters, and those of another beside them. */
function addressOf(url: URL, changes: Record<string, string | undefined>): string {
  const query = new URLSearchParams(url.searchParams);
  query.delete("limit");
  query.delete("cursor");
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) query.delete(name);
    else query.set(name, value);
  }
  return query.size > 0 ? `/?${query}` : "/";
}
