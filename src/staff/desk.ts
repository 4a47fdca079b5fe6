import type { Principal } from "../http/auth/authenticate.ts";
import type { Site } from "../pages/site.ts";

/** What a page for staff knows beside what it shows. */
export interface Desk {
  site: Site;
  /** Undefined before somebody has signed in. */
  principal: Principal | undefined;
  /** The token that each form carries. */
  formToken: string;
}
