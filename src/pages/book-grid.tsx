import type { Site } from "./site.ts";
import { type BookMembers, pathOf, stockOf } from "./words.ts";

export function BookGrid({ site, books }: { site: Site; books: BookMembers[] }) {
  return (
    <ul class="grid">
      {books.map((book) => (
        <BookCard site={site} book={book} />
      ))}
    </ul>
  );
}

function BookCard({ site: { writer }, book }: { site: Site; book: BookMembers }) {
  const { words, tone } = stockOf(book.stock);
  return (
    <li>
      <h2 dir="auto" lang={book.language ?? undefined}>
        <a href={pathOf(book)}>{book.title}</a>
      </h2>
      <p class="by" dir="auto">
        {book.author}
      </p>
      <p class="row">
        <span>{writer.price(book.price)}</span> <span class={tone}>{words}</span>
      </p>
    </li>
  );
}
