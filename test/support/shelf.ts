import { isbnOf } from "./books.ts";
import type { TestDatabase } from "./database.ts";
import type { Clerk, Shown } from "./staff.ts";

/** A shop whose numbers and days are not those of most tests. */
export const GERMAN = { SHOP_CURRENCY: "EUR", SHOP_LOCALE: "de-DE", SHOP_TIME_ZONE: "Asia/Tokyo" };

/** The value of a form's field, as a browser would send it again. */
export const sentIn = (html: string, name: string): string =>
  (html.match(new RegExp(`name="${name}" value="([^"]*)"`))?.[1] ?? "")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&");

/** What is said at a field. */
export const faultOf = (html: string, name: string): string | undefined =>
  html.match(new RegExp(`id="${name}-fault" class="fault">([^<]*)<`))?.[1];

export const locationOf = ({ headers }: Shown): string | null => headers.get("Location");

type Fields = Record<string, string>;

/** Adds books by the form of an editor, and sends it again. */
export function shelfOf(editor: Clerk, database: TestDatabase) {
  return {
    async added(fields: Fields = {}) {
      const isbn = isbnOf(next++);
      const members = { title: "Dune", author: "Frank Herbert", isbn, price: "9,99", stock: "3", ...fields };
      const answer = await editor.post("/staff/books/new", members);
      const [, id = ""] = locationOf(answer)?.match(/\/staff\/books\/([^?]+)/) ?? [];
      return { isbn, id, answer };
    },
    /** The fields that the form of a book has, as it stands. */
    async editing(id: string): Promise<Fields> {
      const { html } = await editor.get(`/staff/books/${id}`);
      const names = ["version", "was", "title", "author", "isbn", "price", "stock"];
      return Object.fromEntries(names.map((name) => [name, sentIn(html, name)]));
    },
    async rowOf(isbn: string) {
      type Row = { title: string; price: string; stock: number };
      const [row] = await database.sql<Row>("select * from books where isbn = $1", [isbn]);
      return row;
    },
  };
}

let next = 800;
