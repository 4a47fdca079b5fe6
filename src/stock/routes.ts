/** Stock over HTTP. */
import type { Api } from "../http/api.ts";
import { versionDemand } from "../http/etag.ts";
import { invalidMember } from "../http/problem.ts";
import { jsonReply, ok, replay, written } from "../http/reply.ts";
import * as contract from "./contract.ts";
import * as movements from "./movements.ts";
import { adjustmentProblem, linesProblem, ZERO_PRICE } from "./refusals.ts";
import * as store from "./store.ts";
import { changeStock, LinesFault } from "./transactions.ts";

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
