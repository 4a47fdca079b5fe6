import type { AssetPaths } from "./assets.ts";
import type { Shop } from "./shop.ts";
import type { Writer } from "./words.ts";

export const SHOP_NAME = "Octavo";

/** What every page knows beside what it shows. */
export interface Site {
  /** The origin of absolute links; empty if it is not known. */
  base: string;
  files: AssetPaths;
  writer: Writer;
  currency: string;
  coverOrigins: Shop["coverOrigins"];
}
