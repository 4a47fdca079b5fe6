/** The pages that change the stock. */
import type { Api } from "../http/api.ts";
import { countRoutes } from "./count-routes.ts";
import { receiptRoutes } from "./receipt-routes.ts";
import type { Staff } from "./staff.ts";
import { RECEIVE, TILL } from "./till-kinds.ts";
import { cartRoutes } from "./till-routes.ts";

export function stockPages(api: Api, staff: Staff): void {
  cartRoutes(api, staff, TILL);
  cartRoutes(api, staff, RECEIVE);
  receiptRoutes(api, staff);
  countRoutes(api, staff);
}
