/** The pages of one book for staff: a new one, one to edit or to look at, and one to delete. */
import { Fact } from "../pages/book.tsx";
import { type BookMembers, FORMAT_NAMES, pathOf } from "../pages/words.ts";
import { BookForm } from "./book-form.tsx";
import type { Faults, Texts } from "./book-texts.ts";
import * as contract from "./books-contract.ts";
import type { Desk } from "./desk.ts";
import { FormToken } from "./layout.tsx";
import { OnceField } from "./once.tsx";

/** A form as it was sent, or as it begins. */
export interface Draft {
  texts: Texts;
  faults: Faults;
  /** The book that has the ISBN, if that is taken. */
  holder?: string | undefined;
  /** The page to return to. */
  to?: string | undefined;
}

export const pathOfBook = (id: string): string => contract.showBook.path.replace(":id", id);
const pathOfDeletion = (id: string): string => contract.showDeletion.path.replace(":id", id);

const ToField = ({ to }: Pick<Draft, "to">) => (to ? <input type="hidden" name="to" value={to} /> : null);

interface NewProps {
  desk: Desk;
  draft: Draft;
  form?: FormData | undefined;
  /** The book was deleted while somebody edited it. */
  isDeleted?: boolean;
}

export function NewBookPage({ desk, draft, form, isDeleted = false }: NewProps) {
  return (
    <>
      <h1 class="title">Add a book</h1>
      {isDeleted && (
        <p role="alert" class="fault">
          Somebody deleted this book while you were editing it. Your entries are still here, so you can add
          the book again.
        </p>
      )}
      <BookForm desk={desk} action={contract.createBook.path} {...draft} submit="Add the book">
        <OnceField form={form} />
        <ToField to={draft.to} />
      </BookForm>
    </>
  );
}

/** What was done, told at the top of the next page. */
const DONE: Record<string, string> = { added: "The book was added.", saved: "The changes were saved." };

interface EditProps {
  desk: Desk;
  id: string;
  title: string;
  draft: Draft;
  /** The version that the changes are for. */
  version: string;
  /** The fields as they were then, as JSON. */
  was: string;
  done?: string | undefined;
}

export function EditBookPage({ desk, id, title, draft, version, was, done }: EditProps) {
  const told = DONE[done ?? ""];
  return (
    <>
      <h1 class="title">
        <bdi>{title}</bdi>
      </h1>
      {told && (
        <p role="status" class="done">
          {told} {done === "added" && <a href={contract.showNewBook.path}>Add another</a>}
        </p>
      )}
      <BookForm desk={desk} action={pathOfBook(id)} {...draft} submit="Save">
        <input type="hidden" name="version" value={version} />
        <input type="hidden" name="was" value={was} />
        <ToField to={draft.to} />
      </BookForm>
      <p class="actions">
        <a href={contract.showBooks.path}>All books</a> <a href={pathOfDeletion(id)}>Delete this book</a>
      </p>
    </>
  );
}

/** A book for whoever may not change it. */
export function ShowBookPage({ desk, book }: { desk: Desk; book: BookMembers }) {
  const { writer } = desk.site;
  const {
    title,
    author,
    isbn,
    price,
    stock,
    publisher,
    published,
    language,
    format,
    pages,
    subjects,
    description,
  } = book;
  return (
    <>
      <h1 class="title" dir="auto" lang={writer.lang(book)}>
        {title}
      </h1>
      <p class="by">
        <bdi>{author}</bdi>
      </p>
      <dl class="facts">
        <Fact name="ISBN">{isbn}</Fact>
        <Fact name="Price">{writer.price(price)}</Fact>
        <Fact name="Stock">{writer.whole(stock)}</Fact>
        <Fact name="Publisher">{publisher}</Fact>
        <Fact name="Published">{published && writer.date(published)}</Fact>
        <Fact name="Language">{language && (writer.language(language) ?? language)}</Fact>
        <Fact name="Format">{format && FORMAT_NAMES[format]}</Fact>
        <Fact name="Pages">{pages && writer.whole(pages)}</Fact>
        <Fact name="Subjects">{subjects.join(", ")}</Fact>
      </dl>
      {description && (
        <p class="description" dir="auto" lang={writer.lang(book)}>
          {description}
        </p>
      )}
      <p class="actions">
        <a href={contract.showBooks.path}>All books</a> <a href={pathOf(book)}>Its page in the shop</a>
      </p>
    </>
  );
}

interface DeletionProps {
  desk: Desk;
  book: BookMembers;
  version: string;
  /** Somebody has changed the book since the page was shown. */
  isChanged?: boolean;
}

/** Asks before a book is deleted. */
export function DeletionPage({ desk, book, version, isChanged = false }: DeletionProps) {
  const { id, title, author, isbn, stock } = book;
  return (
    <>
      <h1 class="title">
        Delete <bdi>{title}</bdi>?
      </h1>
      {isChanged && (
        <p role="alert" class="fault">
          Nothing was deleted, because somebody has just changed the book. This is how it is now.
        </p>
      )}
      <p>
        By <bdi>{author}</bdi>, ISBN {isbn}.{" "}
        {stock > 0
          ? `${desk.site.writer.whole(stock)} in stock: a movement takes them out.`
          : "None in stock."}{" "}
        Its movements stay.
      </p>
      <form method="post" action={pathOfDeletion(id)}>
        <FormToken desk={desk} />
        <input type="hidden" name="version" value={version} />
        <p class="ways">
          <button type="submit" class="button">
            Delete the book
          </button>{" "}
          <a class="button plain" href={pathOfBook(id)}>
            Keep it
          </a>
        </p>
      </form>
    </>
  );
}

export const DeletedPage = ({ title }: { title: string }) => (
  <>
    <h1 class="title">Deleted</h1>
    <p role="status" class="done">
      <bdi>{title}</bdi> was deleted.
    </p>
    <p class="actions">
      <a href={contract.showBooks.path}>All books</a>
    </p>
  </>
);
