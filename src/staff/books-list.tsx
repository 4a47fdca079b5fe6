/** The list of the shop's books. */
import type { BookQuery } from "../books/listing.ts";
import type { Match } from "../books/search.ts";
import { hasRole } from "../http/auth/authenticate.ts";
import { SearchField } from "../pages/layout.tsx";
import type { BookMembers } from "../pages/words.ts";
import * as contract from "./books-contract.ts";
import type { Desk } from "./desk.ts";
import { Fault, FaultList, Field, type FieldOf, fieldIn } from "./fields.tsx";
import { type Around, addressOf, countOf, More, View } from "./list.tsx";
import type { RefusedQuery } from "./refused-query.ts";

const { path } = contract.showBooks;

/** So few copies are a low stock, unless somebody asks for another number. */
const LOW = "5";

interface Shown extends Around {
  url: URL;
  query: BookQuery;
  books: BookMembers[];
  match: Match | undefined;
  isFirst: boolean;
}

export function BooksPage({ desk, shown }: { desk: Desk; shown: Shown }) {
  const { url, books, next, previous } = shown;
  const field = fieldIn(url);
  const hint = hintOf(shown);
  return (
    <>
      <h1 class="title">Books</h1>
      <Search field={field} />
      <Views url={url} field={field} />
      <Actions desk={desk} url={url} />
      <p class="note count">{countOf(books, ["book", "books"], shown)}</p>
      {hint && <p class="hint">{hint}</p>}
      {books.length > 0 && <BooksTable desk={desk} books={books} />}
      <More path={path} url={url} next={next} previous={previous} />
    </>
  );
}

/** The page for a search that is refused. */
export const RefusedBooksPage = ({ desk, refused }: { desk: Desk; refused: RefusedQuery }) => (
  <>
    <h1 class="title">Books</h1>
    <FaultList faults={refused.faultsBeside(["search", "stock_below"])} />
    <Search field={refused.field} />
    <Views url={refused.sound} field={refused.field} />
    <Actions desk={desk} url={refused.sound} />
  </>
);

function Search({ field }: { field: FieldOf }) {
  const search = field("search");
  const { value: inStock } = field("in_stock");
  const below = field("stock_below");
  const { value: sort = "" } = field("sort");
  return (
    <search>
      <form class="search-books" action={path} novalidate>
        <div class="field">
          <div class="search">
            <SearchField search={search.value} fault={search.fault} />
          </div>
          {search.fault && <Fault name="search" fault={search.fault} />}
        </div>
        {inStock && <input type="hidden" name="in_stock" value={inStock} />}
        {below.value && (
          <>
            <Field {...below} label="Fewer in stock than" inputmode="numeric" autocomplete="off" />
            <input type="hidden" name="sort" value={/^-?stock$/.test(sort) ? sort : "stock"} />
          </>
        )}
      </form>
    </search>
  );
}

function Views({ url, field }: { url: URL; field: FieldOf }) {
  const isLow = field("stock_below").value !== "";
  const inStock = field("in_stock").value;
  const viewOf = (parameters: Record<string, string>) =>
    addressOf(path, url, { in_stock: undefined, stock_below: undefined, sort: undefined, ...parameters });
  return (
    <nav class="views" aria-label="Which books">
      <View href={viewOf({})} isShown={!isLow && inStock === ""}>
        All
      </View>
      <View href={viewOf({ in_stock: "true" })} isShown={inStock === "true"}>
        In stock
      </View>
      <View href={viewOf({ stock_below: LOW, sort: "stock" })} isShown={isLow}>
        Low stock
      </View>
      <View href={viewOf({ in_stock: "false" })} isShown={inStock === "false"}>
        Out of stock
      </View>
    </nav>
  );
}

function Actions({ desk: { principal }, url }: { desk: Desk; url: URL }) {
  return (
    <p class="actions">
      {principal && hasRole("editor", principal) && (
        <>
          <a href={contract.showNewBook.path}>Add a book</a>{" "}
          <a href={contract.showImport.path}>Import a file</a>
        </>
      )}{" "}
      <a href={exportOf(url)}>Export these books</a>
    </p>
  );
}

/** The export names the format of the books otherwise, and is never in the order of a search. */
function exportOf(url: URL): string {
  const { searchParams } = url;
  const sort = searchParams.get("sort") ?? undefined;
  return addressOf(contract.exportBooks.path, url, {
    format: undefined,
    book_format: searchParams.get("format") ?? undefined,
    sort: sort === "relevance" ? undefined : sort,
  });
}

function BooksTable({ desk, books }: { desk: Desk; books: BookMembers[] }) {
  const { writer } = desk.site;
  return (
    <table class="rows">
      <thead>
        <tr>
          <th scope="col">Book</th>
          <th scope="col" class="number">
            Price
          </th>
          <th scope="col" class="number">
            Stock
          </th>
        </tr>
      </thead>
      <tbody>
        {books.map((book) => (
          <tr>
            <th scope="row">
              <a href={`${path}/${book.id}`} dir="auto" lang={writer.lang(book)}>
                {book.title}
              </a>
              <span class="by">
                <bdi>{book.author}</bdi> · {book.isbn}
              </span>
            </th>
            <td class="number price">{writer.price(book.price)}</td>
            <td class={`number ${book.stock === 0 ? "out" : book.stock < Number(LOW) ? "low" : ""}`}>
              {writer.whole(book.stock)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What a search found instead of what was typed, and what to do where nothing was found. */
function hintOf({ match, books, isFirst, query: { search, stock_below } }: Shown): string | undefined {
  if (books.length > 0) {
    if (match === "similar") return "Nothing has exactly that; these come close.";
    return match === "some" ? "Nothing has all of these words; these have some of them." : undefined;
  }
  if (!isFirst) return undefined;
  if (search) return "Try fewer or other words, or another part of the list.";
  return stock_below === undefined ? "Add a book, or import a file." : "No stock is that low.";
}
