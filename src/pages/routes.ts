/** From requests to pages: the same stores and cursors as the API, and no rules of their own. */
import { listingOf } from "../books/listing.ts";
import * as books from "../books/store.ts";
import type { Api } from "../http/api.ts";
import { Problem } from "../http/problem.ts";
import { CataloguePage } from "./catalogue.tsx";
import * as contract from "./contract.ts";
import type { Pages } from "./pages.ts";

/** Files whose path names their content never change. */
const FOREVER = "public, max-age=31536000, immutable";

export function pageRoutes(api: Api, pages: Pages): void {
  api.page(contract.showCatalogue, async ({ query, position, url, preconditions }, context) => {
    const { found, match } = await books.listBooks(context.database, query, position);
    const source = JSON.stringify([match, found]);
    return pages.reply({ url, preconditions }, source, context, (site) => {
      const { rows, next, previous } = context.pages.cut(found, position, listingOf(query, url));
      const linkTo = (cursor: string | null) => (cursor === null ? undefined : addressOf(url, { cursor }));
      const shown = {
        query,
        books: rows.map((row) => JSON.parse(row)),
        match,
        isFirst: position === undefined,
        next: linkTo(next),
        previous: linkTo(previous),
      };
      return CataloguePage({ site, shown });
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
