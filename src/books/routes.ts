/** Books over HTTP: from validated input to the store, and from its rows to replies. */
import { rowsIn } from "../db/keyset.ts";
import { IncompleteFault, TakenFault } from "../db/resource.ts";
import type { Api } from "../http/api.ts";
import { versionDemand } from "../http/etag.ts";
import { pageBody } from "../http/paging.ts";
import { type ConstraintMeanings, invalidMember, Problem, validationFailed } from "../http/problem.ts";
import { created, fresh, jsonReply, noContent, ok } from "../http/reply.ts";
import { type BookChanges, REQUIRED, ZERO_PRICE_WITH_STOCK } from "./book.ts";
import * as contract from "./contract.ts";
import { limitOf, listingOf } from "./listing.ts";
import * as store from "./store.ts";

/** The problems that a client gets for constraints that the schemas cannot check. */
const constraints: ConstraintMeanings = {
  books_isbn_key: (fault) =>
    new Problem("conflict", "There is another book with this ISBN.", {
      extension: fault instanceof TakenFault ? { id: fault.holder, isbn: fault.value } : {},
    }),
  books_zero_price_with_stock: () => invalidMember("price", "zero_price_with_stock", ZERO_PRICE_WITH_STOCK),
};

/** How the books of a listing match its search: nothing without a search, and null without books. */
const matchOf = (match: store.BookListing["match"], isEmpty: boolean) =>
  match === undefined ? {} : { match: isEmpty ? null : match };

/** What a new book lacks. */
function incomplete(members: BookChanges): Problem {
  const missing = REQUIRED.filter((name) => !(name in members));
  return validationFailed(
    missing.map((path) => ({ in: "body", path, code: "required", message: "is required for a new book" })),
  );
}

export function bookRoutes(api: Api): void {
  api.on(
    contract.createBook,
    async ({ body, claim }, { database, actor }) =>
      created(await store.createBook(database, body, actor, claim), contract.createBook.path),
    constraints,
  );

  api.on(contract.listBooks, async ({ query, position, url }, { database, pages }) => {
    const { count, page } = query;
    const limit = limitOf(query);
    if (page !== undefined) {
      const { found, total = 0, match } = await store.listBooksByNumber(database, query, page);
      const details = matchOf(match, total === 0);
      const totals = { total, page, limit, ...details, total_pages: Math.ceil(total / limit) };
      return jsonReply(200, pageBody(rowsIn(found), totals));
    }
    const { found, total, match } = await store.listBooks(database, query, position);
    const extra = count && { total, ...(count === "estimated" && { total_is_estimate: true }) };
    const details = matchOf(match, found.lines === null && !position);
    return pages.write(found, position, { ...listingOf(query, url), details, extra });
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
      async ({ params: { id }, body, preconditions }, { database, actor }) =>
        ok(await store.updateBook(database, id, body, actor, versionDemand(preconditions))),
      constraints,
    );
  }

  api.on(
    contract.putBookByIsbn,
    async ({ params: { isbn }, body, preconditions }, { database, actor }) => {
      try {
        const demand = versionDemand(preconditions);
        const { isNew, ...book } = await store.putBook(database, isbn, body, actor, demand);
        return isNew ? created(book, contract.createBook.path) : ok(book);
      } catch (fault) {
        throw fault instanceof IncompleteFault ? incomplete({ ...body, isbn }) : fault;
      }
    },
    constraints,
  );

  api.on(contract.deleteBook, async ({ params: { id }, preconditions }, { database, actor }) => {
    await store.deleteBook(database, id, actor, versionDemand(preconditions));
    return noContent;
  });
}
