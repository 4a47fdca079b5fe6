/** The table of contents of the pages for staff. They have the roles and the stores of the API, and no rules of their own. */
import type { Api } from "../http/api.ts";
import { bookRoutes } from "./books-routes.ts";
import * as contract from "./contract.ts";
import type { Counter } from "./counter.ts";
import { movementRoutes } from "./movements-routes.ts";
import { type SignInOptions, signInRoutes } from "./sign-in-routes.ts";
import { type Staff, seeOther } from "./staff.ts";
import { stockRoutes } from "./stock-routes.ts";
import { taskRoutes } from "./tasks-routes.ts";

export function staffRoutes(api: Api, staff: Staff, options: SignInOptions, counter: Counter): void {
  signInRoutes(api, staff, options);
  bookRoutes(api, staff, counter);
  movementRoutes(api, staff, counter);
  taskRoutes(api, staff);
  api.page(contract.showHome, async () => seeOther("/staff/till"));
  stockRoutes(api, staff, counter);
}
