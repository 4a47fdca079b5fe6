/** Books over HTTP: from validated input to the store, and from its rows to replies. */
import { rowsIn } from "../db/keyset.ts";
import { TakenFault } from "../db/resource.ts";
import type { Api } from "../http/api.ts";
import { versionDemand } from "../http/etag.ts";
import { pageBody } from "../http/paging.ts";
import { type ConstraintMeanings, invalidMember, Problem } from "../http/problem.ts";
import { created, fresh, jsonReply, noContent, ok } from "../http/reply.ts";
import { ZERO_PRICE_WITH_STOCK } from "./book.ts";
import * as contract from "./contract.ts";
import { bookPaging, limitOf } from "./listing.ts";
import * as store from "./store.ts";

/** The problems that a client gets for constraints that the schemas cannot check. */
const constraints: ConstraintMeanings = {
  books_isbn_key: (fault) =>
    new Problem("conflict", "There is another book with this ISBN.", {
      extension: fault instanceof TakenFault ? { id: fault.holder, isbn: fault.value } : {},
    }),
  books_zero_price_with_stock: () => invalidMember("price", "zero_price_with_stock", ZERO_PRICE_WITH_STOCK),
};

export function bookRoutes(api: Api): void {
  api.on(
    contract.createBook,
    async ({ body, claim }, { database }) =>
      created(await store.createBook(database, body, claim), contract.createBook.path),
    constraints,
  );

  api.on(contract.listBooks, async ({ query, position, url }, { database, pages }) => {
    const { count, page } = query;
    const limit = limitOf(query);
    if (page !== undefined) {
      const { found, total } = await store.listBooksByNumber(database, query, page);
      const totals = { total, page, limit, total_pages: Math.ceil(total / limit) };
      return jsonReply(200, pageBody(rowsIn(found), totals));
    }
    const { found, total } = await store.listBooks(database, query, position);
    const totals = count && { total, ...(count === "estimated" && { total_is_estimate: true }) };
    const listing = { url, paging: bookPaging, query, limit, key: store.sortedBy(query.sort) };
    return pages.write(found, position, { ...listing, extra: totals });
  });

  api.on(contract.getBook, async ({ params, preconditions }, { database }) =>
    fresh(await store.readBook(database, params), preconditions),
  );

  api.on(contract.getBookByIsbn, async ({ params, preconditions }, { database }) =>
    fresh(await store.readBook(database, params), preconditions),
  );

  for (const change of [contract.updateBook, contract.putBook]) {
    api.on(
      change,
      async ({ params: { id }, body, preconditions }, { database }) =>
        ok(await store.updateBook(database, id, body, versionDemand(preconditions, id))),
      constraints,
    );
  }

  api.on(contract.deleteBook, async ({ params: { id }, preconditions }, { database }) => {
    await store.deleteBook(database, id, versionDemand(preconditions, id));
    return noContent;
  });
}
