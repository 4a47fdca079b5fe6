/** The table of lines: of a cart, of a count, and of what the ledger has. */
import type { Child, PropsWithChildren } from "hono/jsx";
import type { BookOnSale } from "../books/store.ts";
import type { Desk } from "./desk.ts";

type Props = PropsWithChildren<{
  /** The columns; an empty one has only buttons. */
  heads: string[];
  foot?: Child;
}>;

export const Lines = ({ heads, foot, children }: Props) => (
  <table class="lines">
    <thead>
      <tr>{heads.map((head) => (head === "" ? <td /> : <th scope="col">{head}</th>))}</tr>
    </thead>
    <tbody>{children}</tbody>
    {foot && <tfoot>{foot}</tfoot>}
  </table>
);

export const Title = ({
  desk,
  book,
}: {
  desk: Desk;
  book: Pick<BookOnSale, "title" | "author" | "language">;
}) => (
  <>
    <span class="title" lang={desk.site.writer.lang(book)}>
      {book.title}
    </span>
    <span class="by">{book.author}</span>
  </>
);
