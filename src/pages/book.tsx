/** The page of a book. */
import { BookGrid } from "./book-grid.tsx";
import { Cover, coverUrlOf } from "./cover.tsx";
import { Layout } from "./layout.tsx";
import type { Site } from "./site.ts";
import { bookData } from "./structured-data.ts";
import { type BookMembers, FORMAT_NAMES, pathOf, stockOf } from "./words.ts";

interface Props {
  site: Site;
  book: BookMembers;
  /** Other books of its author. */
  others: BookMembers[];
}

export function BookPage({ site, book, others }: Props) {
  const { title, author, isbn, description } = book;
  const { words, tone } = stockOf(book.stock);
  const summary = summaryOf(book);
  const head = {
    title: `${title} by ${author}`,
    description: summary,
    canonical: pathOf(book),
    graph: { "og:type": "book", "book:isbn": isbn, "og:image": coverUrlOf(book, site.coverOrigins) },
    data: bookData(book, site),
  };
  return (
    <Layout site={site} head={head}>
      <article class="book">
        <div class="portrait">
          <Cover site={site} book={book} isEager />
        </div>
        <div>
          <h1 dir="auto" lang={site.writer.lang(book)}>
            {title}
          </h1>
          <p class="by">
            by{" "}
            <a href={`/?${new URLSearchParams({ author })}`} dir="auto">
              {author}
            </a>
          </p>
          <p class="buy">
            <span class="price">{site.writer.price(book.price)}</span>{" "}
            <span class={`stock ${tone}`}>{tone === "low" ? `${words} in the shop` : words}</span>
          </p>
          {description && (
            <div class="description" dir="auto" lang={site.writer.lang(book)}>
              {description.split(/\n\s*\n/).map((paragraph) => (
                <p>{paragraph}</p>
              ))}
            </div>
          )}
          <Facts site={site} book={book} />
        </div>
      </article>
      {others.length > 0 && (
        <section aria-labelledby="others">
          <h2 id="others">
            More by <bdi>{author}</bdi>
          </h2>
          <BookGrid site={site} books={others} level={3} />
        </section>
      )}
    </Layout>
  );
}

const SUMMARY_LENGTH = 200;

/** What search engines and messengers show of a book. */
function summaryOf({ title, author, description }: BookMembers): string {
  const text = (description ?? `${title} by ${author}.`).replace(/\s+/g, " ").trim();
  if (text.length <= SUMMARY_LENGTH) return text;
  return `${text.slice(0, SUMMARY_LENGTH).replace(/\s?[^\s]*$/, "") || [...text].slice(0, 100).join("")}…`;
}

function Facts({ site: { writer }, book }: Omit<Props, "others">) {
  const { format, pages, publisher, published, language, isbn, subjects } = book;
  const shape = [format && FORMAT_NAMES[format], pages && `${pages} ${pages === 1 ? "page" : "pages"}`];
  return (
    <dl class="facts">
      <Fact name="Format">{shape.filter(Boolean).join(", ")}</Fact>
      <Fact name="Publisher">
        {publisher && (
          <a href={`/?${new URLSearchParams({ publisher })}`} dir="auto">
            {publisher}
          </a>
        )}
      </Fact>
      <Fact name="Published">{published && writer.date(published)}</Fact>
      <Fact name="Language">{language && (writer.language(language) ?? language)}</Fact>
      <Fact name="ISBN">{isbn}</Fact>
      <Fact name={subjects.length === 1 ? "Subject" : "Subjects"}>
        {subjects.length > 0 && (
          <ul class="subjects">
            {subjects.map((subject) => (
              <li>
                <a href={`/?${new URLSearchParams({ subject })}`} dir="auto">
                  {subject}
                </a>
              </li>
            ))}
          </ul>
        )}
      </Fact>
    </dl>
  );
}

/** One line of the facts; none where nothing is known. */
export function Fact({ name, children }: { name: string; children?: unknown }) {
  return children ? (
    <div>
      <dt>{name}</dt>
      <dd>{children as string}</dd>
    </div>
  ) : null;
}
