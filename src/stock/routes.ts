/** Stock over HTTP. */
import { MAX_STOCK } from "../books/book.ts";
import type { Api } from "../http/api.ts";
import { versionDemand } from "../http/etag.ts";
import {
  invalidMember,
  Problem,
  type ShortLine,
  ValidationErrors,
  validationFailed,
} from "../http/problem.ts";
import { jsonReply, ok, replay, written } from "../http/reply.ts";
import * as contract from "./contract.ts";
import * as movements from "./movements.ts";
import * as store from "./store.ts";
import { changeStock, LinesFault, type RefusedLine } from "./transactions.ts";

export function stockRoutes(api: Api): void {
  api.on(contract.adjustStock, async ({ params: { id }, body, claim }, { database, actor }) => {
    try {
      return written(await store.adjustStock(database, id, body, actor, claim));
    } catch (fault) {
      throw fault instanceof store.StockFault ? adjustmentProblem(fault, body.delta) : fault;
    }
  });

  for (const count of [contract.countStock, contract.countStockByIsbn]) {
    api.on(count, async ({ params, body, preconditions }, { database, actor }) => {
      try {
        return ok(await store.countStock(database, params, body, actor, versionDemand(preconditions)));
      } catch (fault) {
        throw fault instanceof store.StockFault
          ? invalidMember("stock", "zero_price_with_stock", ZERO_PRICE)
          : fault;
      }
    });
  }

  api.on(contract.changeStock, async ({ body, claim }, { database, actor }) => {
    try {
      const outcome = await changeStock(database, body, actor, claim);
      return "json" in outcome ? jsonReply(200, outcome.json) : replay<200>(outcome);
    } catch (fault) {
      throw fault instanceof LinesFault ? linesProblem(fault.lines, body.lines.length) : fault;
    }
  });

  api.on(contract.listMovements, async ({ params: { id }, query, position, url }, { database, pages }) => {
    const found = await movements.listMovements(database, id, query, position);
    const { limit } = query;
    return pages.write(found, position, {
      url,
      paging: contract.movementPaging,
      query,
      limit,
      key: "created_at",
    });
  });

  api.on(contract.listAllMovements, async ({ query, position, url }, { database, pages }) => {
    const found = await movements.listAllMovements(database, query, position);
    const { limit } = query;
    return pages.write(found, position, {
      url,
      paging: contract.ledgerPaging,
      query,
      limit,
      key: "created_at",
    });
  });
}

const ZERO_PRICE = "must not give stock to a book with a price of 0";
const aboveMaximum = (available: number) => `must leave the stock, now ${available}, at ${MAX_STOCK} or less`;

/** What a refused change of one book means to the client. */
function adjustmentProblem({ refusal, available }: store.StockFault, delta: number): Problem {
  switch (refusal) {
    case "insufficient": {
      const message = `The stock is ${available} and does not cover ${-delta}.`;
      return new Problem("insufficient_stock", message, { extension: { available } });
    }
    case "above_maximum":
      return invalidMember("delta", "out_of_range", aboveMaximum(available));
    case "zero_price":
      return invalidMember("delta", "zero_price_with_stock", ZERO_PRICE);
  }
}

/** What refused lines mean to the client: invalid lines are a 422, and only without them is a lack of stock a 409. */
function linesProblem(refused: RefusedLine[], count: number): Problem {
  const errors = new ValidationErrors();
  const short: ShortLine[] = [];
  for (const { line, refusal, first, id, isbn, available } of refused) {
    if (refusal === "unknown") errors.add("body", `lines.${line}`, "not_found", "names no book");
    else if (refusal === "duplicate")
      errors.add("body", `lines.${line}`, "duplicate", `names the same book as lines.${first}`);
    else if (refusal === "above_maximum")
      errors.add("body", `lines.${line}.delta`, "out_of_range", aboveMaximum(Number(available)));
    else if (refusal === "zero_price")
      errors.add("body", `lines.${line}.delta`, "zero_price_with_stock", ZERO_PRICE);
    else short.push({ line, id: `${id}`, isbn: `${isbn}`, available: Number(available) });
  }
  if (errors.count > 0) return validationFailed(errors.listed, errors.count);
  const message = `The stock does not cover ${short.length} of ${count} lines.`;
  return new Problem("insufficient_stock", message, { extension: { lines: short } });
}
