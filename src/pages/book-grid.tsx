import { Cover } from "./cover.tsx";
import type { Site } from "./site.ts";
import { type BookMembers, pathOf, stockOf } from "./words.ts";

/** The covers that are seen first, on a phone and on a desk. */
const EAGER = 4;

export function BookGrid({ site, books, level = 2 }: { site: Site; books: BookMembers[]; level?: 2 | 3 }) {
  return (
    <ul class="grid">
      {books.map((book, at) => (
        <BookCard site={site} book={book} level={level} isEager={level === 2 && at < EAGER} />
      ))}
    </ul>
  );
}

interface CardProps {
  site: Site;
  book: BookMembers;
  level: 2 | 3;
  isEager: boolean;
}

/** The link of the title covers the whole card, so that a screen reader hears no more than the title. */
function BookCard({ site, book, level, isEager }: CardProps) {
  const { words, tone } = stockOf(book.stock);
  const heading = { dir: "auto", lang: site.writer.lang(book) } as const;
  const link = <a href={pathOf(book)}>{book.title}</a>;
  return (
    <li class="card">
      <Cover site={site} book={book} isEager={isEager} />
      {level === 2 ? <h2 {...heading}>{link}</h2> : <h3 {...heading}>{link}</h3>}
      <p class="by" dir="auto">
        {book.author}
      </p>
      <p class="row">
        <span class="price">{site.writer.price(book.price)}</span>{" "}
        <span class={`stock ${tone}`}>{words}</span>
      </p>
    </li>
  );
}
