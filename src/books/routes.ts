/** Books over HTTP: from validated input to the store, and from its rows to answers. */
import { TakenFault } from "../db/resource.ts";
import type { Api } from "../http/api.ts";
import { versionDemand } from "../http/etag.ts";
import { pageBody, writePage } from "../http/paging.ts";
import { type ConstraintMeanings, type Fault, Problem, validationFailed } from "../http/problem.ts";
import { created, fresh, json, noContent, ok, written } from "../http/reply.ts";
import * as contract from "./contract.ts";
import * as store from "./store.ts";

export function bookRoutes(api: Api): void {
  api.on(contract.createBook, async ({ body, claim }, { database }) =>
    created(await store.createBook(database, body, claim), contract.createBook.path),
  );

  api.on(contract.listBooks, async ({ query, position, url }, { database, seal }) => {
    const { limit, count, page } = query;
    if (page !== undefined) {
      const { found, total } = await store.listBooksByNumber(database, query, page);
      const totals = { total, page, limit, total_pages: Math.ceil(total / limit) };
      return json(200, pageBody(found, totals));
    }
    const { found, total } = await store.listBooks(database, query, position);
    const totals = count && { total, ...(count === "estimated" && { total_is_estimate: true }) };
    const listing = { url, paging: contract.bookPaging, query, seal, key: store.sortedBy(query.sort) };
    return writePage(found, position, { ...listing, extra: totals });
  });

  api.on(contract.getBook, async ({ params, preconditions }, { database }) =>
    fresh(await store.readBook(database, params), preconditions),
  );

  api.on(contract.getBookByIsbn, async ({ params, preconditions }, { database }) =>
    fresh(await store.readBook(database, params), preconditions),
  );

  for (const change of [contract.updateBook, contract.putBook]) {
    api.on(change, async ({ params: { id }, body, preconditions }, { database }) =>
      ok(await store.updateBook(database, id, body, versionDemand(preconditions, id))),
    );
  }

  api.on(contract.deleteBook, async ({ params: { id }, preconditions }, { database }) => {
    await store.deleteBook(database, id, versionDemand(preconditions, id));
    return noContent;
  });

  api.on(contract.adjustStock, async ({ params: { id }, body, claim }, { database }) => {
    const book = await store.adjustStock(database, id, body, claim);
    if ("id" in book && book.id === null) throw stockRefused(book.available, body.delta);
    return written(book);
  });

  api.on(contract.listMovements, async ({ params: { id }, query, position, url }, { database, seal }) => {
    const found = await store.listMovements(database, id, query, position);
    return writePage(found, position, {
      url,
      paging: contract.movementPaging,
      query,
      seal,
      key: "created_at",
    });
  });
}

/** Why a stock of `available` does not take a change by `delta`. */
function stockRefused(available: number, delta: number): Problem {
  if (delta < 0) {
    const message = `The stock is ${available} and does not cover ${-delta}.`;
    return new Problem("insufficient_stock", message, { extension: { available } });
  }
  return available + delta > contract.MAX_STOCK
    ? faulty(
        "delta",
        "out_of_range",
        `must leave the stock, now ${available}, at ${contract.MAX_STOCK} or less`,
      )
    : faulty("delta", "zero_price_with_stock", "must not give stock to a book with a price of 0");
}

/** What breaking a named constraint of the table means to a client. */
export const bookConstraints: ConstraintMeanings = {
  books_isbn_key: (fault) =>
    new Problem("conflict", "There is another book with this ISBN.", {
      extension: fault instanceof TakenFault ? { id: fault.holder, isbn: fault.value } : {},
    }),
  books_title_length: () => faulty("title", "too_long", "must have 1 to 255 characters"),
  books_author_length: () => faulty("author", "too_long", "must have 1 to 255 characters"),
  books_isbn_digits: () => faulty("isbn", "invalid_isbn", "must be a valid ISBN-10 or ISBN-13"),
  books_price_range: () => faulty("price", "out_of_range", "must be 0 or more"),
  books_stock_range: () => faulty("stock", "out_of_range", "must be 0 or more"),
  books_description_length: () => faulty("description", "too_long", "must have 10000 characters or fewer"),
  books_zero_price_with_stock: () => faulty("price", "zero_price_with_stock", contract.ZERO_PRICE_WITH_STOCK),
};

function faulty(path: string, code: Fault["code"], message: string): Problem {
  return validationFailed([{ in: "body", path, code, message }]);
}
