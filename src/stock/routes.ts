/** A book's stock over HTTP. */
import { MAX_STOCK } from "../books/book.ts";
import type { Api } from "../http/api.ts";
import { invalidMember, Problem } from "../http/problem.ts";
import { written } from "../http/reply.ts";
import * as contract from "./contract.ts";
import * as store from "./store.ts";

export function stockRoutes(api: Api): void {
  api.on(contract.adjustStock, async ({ params: { id }, body, claim }, { database }) => {
    try {
      return written(await store.adjustStock(database, id, body, claim));
    } catch (fault) {
      throw fault instanceof store.StockFault ? problemOf(fault, body.delta) : fault;
    }
  });

  api.on(contract.listMovements, async ({ params: { id }, query, position, url }, { database, pages }) => {
    const found = await store.listMovements(database, id, query, position);
    return pages.write(found, position, {
      url,
      paging: contract.movementPaging,
      query,
      limit: query.limit,
      key: "created_at",
    });
  });
}

/** What a refused change means to the client. */
function problemOf({ refusal, available }: store.StockFault, delta: number): Problem {
  switch (refusal) {
    case "insufficient": {
      const message = `The stock is ${available} and does not cover ${-delta}.`;
      return new Problem("insufficient_stock", message, { extension: { available } });
    }
    case "above_maximum":
      return invalidMember(
        "delta",
        "out_of_range",
        `must leave the stock, now ${available}, at ${MAX_STOCK} or less`,
      );
    case "zero_price":
      return invalidMember(
        "delta",
        "zero_price_with_stock",
        "must not give stock to a book with a price of 0",
      );
  }
}
