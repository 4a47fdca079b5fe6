/** The page of the catalogue: what is shown, and how to show something else. */
import type { BookQuery } from "../books/listing.ts";
import type { Match } from "../books/search.ts";
import { BookGrid } from "./book-grid.tsx";
import { Filters } from "./filters.tsx";
import { type Head, Layout } from "./layout.tsx";
import { SHOP_NAME, type Site } from "./site.ts";
import { siteData } from "./structured-data.ts";
import type { BookMembers } from "./words.ts";

export interface Shown {
  query: BookQuery;
  /** A parameter as it was given; empty if it was not. */
  given: (name: string) => string;
  books: BookMembers[];
  match: Match | undefined;
  isFirst: boolean;
  /** The address of the first page. */
  address: string;
  /** The addresses of the pages beside this one. */
  next: string | undefined;
  previous: string | undefined;
}

export function CataloguePage({ site, shown }: { site: Site; shown: Shown }) {
  const { query, given, books, next, previous } = shown;
  const title = titleOf(query);
  const hint = hintOf(shown);
  return (
    <Layout site={site} head={headOf(site, shown)} search={query.search}>
      <Filters site={site} query={query} given={given} />
      <p id="status" class="hidden" role="status" />
      <div id="results">
        <h1 class="title">
          <bdi>{title}</bdi>
        </h1>
        <p id="count" class="note count">
          {countOf(shown)}
        </p>
        {hint && <p class="hint">{hint}</p>}
        <BookGrid site={site} books={books} />
        <nav class="more" aria-label="Pages of the list">
          {previous && (
            <a rel="prev" href={previous}>
              Previous books
            </a>
          )}
          {next && (
            <a class="button plain" rel="next" href={next}>
              Show more books
            </a>
          )}
        </nav>
      </div>
    </Layout>
  );
}

/** Searches are for who searched. The rest of the catalogue can be found by search engines. */
function headOf(site: Site, { query, isFirst, address }: Shown): Head {
  const isWhole = address === "/";
  return {
    title: isWhole ? SHOP_NAME : titleOf(query),
    description: isWhole ? "All books of the shop: search them by title, author or ISBN." : undefined,
    canonical: address,
    isTransient: query.search !== undefined || !isFirst,
    graph: { "og:type": "website" },
    data: isWhole ? siteData(site) : undefined,
  };
}

function titleOf({ search, author, subject, publisher }: BookQuery): string {
  if (search) return `“${search}”`;
  if (author) return `Books by ${author}`;
  return subject ?? publisher ?? "All books";
}

function countOf({ books: { length }, isFirst, next, query: { search } }: Shown): string {
  if (length === 0) return isFirst ? "No books" : "No more books";
  if (!isFirst) return `${length} more ${length === 1 ? "book" : "books"}`;
  if (!next) return length === 1 ? "1 book" : `${length} books`;
  return search ? `The first ${length} matches` : `The first ${length} books`;
}

/** What a search found instead of what was typed, and what to do where nothing was found. */
function hintOf({ match, books, isFirst, query }: Shown) {
  if (books.length > 0) {
    if (match === "similar") return "Nothing has exactly that; these come close.";
    return match === "some" ? "Nothing has all of these words; these have some of them." : undefined;
  }
  if (!isFirst) return undefined;
  const { search, author } = query;
  return (
    <>
      {search || author ? "Try fewer or other words, or " : "Try fewer filters, or "}
      <a href="/">see all books</a>.
    </>
  );
}
