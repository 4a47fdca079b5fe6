/** The page of the catalogue: what is shown, and how to show something else. */

import type { BookQuery } from "../books/listing.ts";
import type { Match } from "../books/search.ts";
import { BookGrid } from "./book-grid.tsx";
import { Layout } from "./layout.tsx";
import type { Site } from "./site.ts";
import type { BookMembers } from "./words.ts";

export interface Shown {
  query: BookQuery;
  books: BookMembers[];
  match: Match | undefined;
  isFirst: boolean;
  next: string | undefined;
  previous: string | undefined;
}

export function CataloguePage({ site, shown }: { site: Site; shown: Shown }) {
  const { query, books, next, previous } = shown;
  const title = titleOf(query);
  return (
    <Layout site={site} head={{ title }} search={query.search}>
      <h1>{title}</h1>
      <p id="count" class="note" role="status">
        {countOf(shown)}
      </p>
      <div id="results">
        <BookGrid site={site} books={books} />
        <nav class="more" aria-label="Pages of the list">
          {previous && (
            <a rel="prev" href={previous}>
              Previous books
            </a>
          )}
          {next && (
            <a class="button" rel="next" href={next}>
              Show more books
            </a>
          )}
        </nav>
      </div>
    </Layout>
  );
}

export function titleOf({ search, author, subject, publisher }: BookQuery): string {
  if (search) return `“${search}”`;
  if (author) return `Books by ${author}`;
  return subject ?? publisher ?? "All books";
}

function countOf({ books: { length }, isFirst, next, query: { search } }: Shown): string {
  if (length === 0) return isFirst ? "No books" : "No more books";
  const books = length === 1 ? "1 book" : `${length} books`;
  if (!isFirst) return `${length} more ${length === 1 ? "book" : "books"}`;
  if (!next) return books;
  return search ? `The ${length} best matches` : `The first ${books}`;
}
