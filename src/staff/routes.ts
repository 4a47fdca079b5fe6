/** The table of contents of the pages for staff. They have the roles and the stores of the API, and no rules of their own. */
import type { Api } from "../http/api.ts";
import * as contract from "./contract.ts";
import { type SignInOptions, signInRoutes } from "./sign-in-routes.ts";
import { type Staff, seeOther } from "./staff.ts";
import { stockPages } from "./stock-routes.ts";

export function staffRoutes(api: Api, staff: Staff, options: SignInOptions): void {
  signInRoutes(api, staff, options);
  api.page(contract.showHome, async () => seeOther("/staff/till"));
  stockPages(api, staff);
}
