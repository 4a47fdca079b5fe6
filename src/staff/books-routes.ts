/** The shop's books, for staff: the list, one book, and the list as a file. */
import { listingOf } from "../books/listing.ts";
import { listBooks, readBook } from "../books/store.ts";
import { selectionOf } from "../catalogue/contract.ts";
import { FILE_TYPES, fileWriter } from "../catalogue/export-format.ts";
import type { Api } from "../http/api.ts";
import { hasRole } from "../http/auth/authenticate.ts";
import { NewBookPage, ShowBookPage } from "./book-pages.tsx";
import * as contract from "./books-contract.ts";
import { editingRoutes, editorOf } from "./books-editing.ts";
import { BooksPage, RefusedBooksPage } from "./books-list.tsx";
import type { Counter } from "./counter.ts";
import { dateIn } from "./days.ts";
import { importRoutes } from "./import-routes.ts";
import { Numbers } from "./numbers.ts";
import type { Staff } from "./staff.ts";

const LIST = { title: "Books", place: "books" } as const;

export function bookRoutes(api: Api, staff: Staff, counter: Counter): void {
  const numbers = new Numbers(counter.shop);

  api.page(contract.showBooks, async ({ query, position, url }, context) => {
    const { found, match } = await listBooks(context.database, query, position);
    const { rows, ...around } = context.pages.cut(found, position, listingOf(query, url));
    const books = rows.map((row) => JSON.parse(row));
    const shown = { url, query, books, match, isFirst: position === undefined, ...around };
    return staff.reply(context, url, LIST, (desk) => BooksPage({ desk, shown }));
  });
  // A file is asked for by a link of the list, which has the same filters.
  for (const { path } of [contract.showBooks, contract.exportBooks])
    staff.onRefused(path, LIST, (desk, refused) => RefusedBooksPage({ desk, refused }));

  api.page(contract.showNewBook, async ({ query: { isbn = "", to }, url }, context) => {
    const draft = { texts: { isbn, stock: numbers.whole(0) }, faults: {}, to };
    return staff.reply(context, url, { title: "Add a book", place: "books" }, (desk) =>
      NewBookPage({ desk, draft }),
    );
  });

  api.page(contract.showBook, async ({ params, query: { done, to }, url }, context) => {
    const found = await readBook(context.database, params);
    const book = JSON.parse(found.json);
    return staff.reply(context, url, { title: book.title, place: "books" }, (desk) =>
      hasRole("editor", context.principal)
        ? editorOf({ desk, found, numbers, to, done })
        : ShowBookPage({ desk, book }),
    );
  });

  api.page(contract.exportBooks, async ({ query }, context) => {
    // As spreadsheets need it: with ISBNs as text, and no cell that begins as a formula does.
    const options = { withIds: false, excel: true, escapeFormulas: true };
    const body = await counter.transfers.export(selectionOf(query), fileWriter("csv", options), context);
    const today = dateIn(counter.shop.timeZone, Date.now());
    return {
      status: 200,
      body,
      headers: {
        "Content-Type": FILE_TYPES.csv,
        "Content-Disposition": `attachment; filename="books-${today}.csv"`,
      },
      gzip: true,
    };
  });

  editingRoutes(api, staff, numbers);
  importRoutes(api, staff, counter, numbers);
}
