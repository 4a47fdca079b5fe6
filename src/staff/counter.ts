import type { Transfers } from "../catalogue/transfers.ts";
import type { Shop } from "../pages/shop.ts";

/** What the pages for staff need beside the stores. */
export interface Counter {
  shop: Shop;
  transfers: Transfers;
  /** The most bytes of a file to import. */
  importMaxBytes: number;
}
