/** A book's stock over HTTP. */
import { MAX_STOCK } from "../books/contract.ts";
import * as store from "../books/store.ts";
import type { Api } from "../http/api.ts";
import { writePage } from "../http/paging.ts";
import { bodyFault, Problem } from "../http/problem.ts";
import { written } from "../http/reply.ts";
import * as contract from "./contract.ts";

export function stockRoutes(api: Api): void {
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

/** Why a stock of `available` cannot change by `delta`. */
function stockRefused(available: number, delta: number): Problem {
  if (delta < 0) {
    const message = `The stock is ${available} and does not cover ${-delta}.`;
    return new Problem("insufficient_stock", message, { extension: { available } });
  }
  return available + delta > MAX_STOCK
    ? bodyFault("delta", "out_of_range", `must leave the stock, now ${available}, at ${MAX_STOCK} or less`)
    : bodyFault("delta", "zero_price_with_stock", "must not give stock to a book with a price of 0");
}
