/** The pages that change the stock. */
import type { Api } from "../http/api.ts";
import { countRoutes } from "./count-routes.ts";
import type { Counter } from "./counter.ts";
import { Numbers } from "./numbers.ts";
import { receiptRoutes } from "./receipt-routes.ts";
import type { Staff } from "./staff.ts";
import { RECEIVE, TILL } from "./till-kinds.ts";
import { cartRoutes } from "./till-routes.ts";

export function stockRoutes(api: Api, staff: Staff, { shop }: Counter): void {
  const numbers = new Numbers(shop);
  cartRoutes(api, staff, TILL, numbers);
  cartRoutes(api, staff, RECEIVE, numbers);
  receiptRoutes(api, staff);
  countRoutes(api, staff, numbers);
}
