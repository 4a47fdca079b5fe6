/** What a cart can become: a sale, or a delivery. */
import type { BookOnSale } from "../books/store.ts";
import type { PageRoute } from "../http/page.ts";
import type { Place } from "./layout.tsx";
import * as contract from "./stock-contract.ts";

export interface Kind {
  show: PageRoute;
  change: PageRoute;
  place: Place;
  title: string;
  /** The ledger's reason. */
  reason: string;
  /** What a copy does to the stock. */
  sign: 1 | -1;
  /** The button that saves the cart. */
  save: string;
  /** What that does, in the past: "Nothing was sold". */
  done: string;
  /** What the page says of a cart whose number stands for other lines. */
  alreadySaved: string;
  /** Where a saved cart is shown. */
  saved(reference: string): string;
}

export const TILL: Kind = {
  show: contract.showTill,
  change: contract.changeTill,
  place: "till",
  title: "Till",
  reason: "sale",
  sign: -1,
  save: "Sell",
  done: "sold",
  alreadySaved:
    "This receipt was already sold with other lines. The lines below are now on a new receipt: remove those that are sold.",
  saved: (number) => contract.showReceipt.path.replace(":number", number),
};

export const RECEIVE: Kind = {
  show: contract.showReceive,
  change: contract.changeReceive,
  place: "receive",
  title: "Goods in",
  reason: "delivery",
  sign: 1,
  save: "Add to the stock",
  done: "saved",
  alreadySaved:
    "This delivery was already saved with other lines. The lines below now belong to a new one: remove those that are saved.",
  saved: (reference) => `${contract.showDelivery.path}?${new URLSearchParams({ reference })}`,
};

/** What is wrong with the quantity of a line that is to be sold; undefined if the stock covers it. */
export function shortage({ stock }: Pick<BookOnSale, "stock">, quantity: number): string | undefined {
  if (!(quantity > stock)) return undefined;
  if (stock === 0) return "none left: remove the line";
  return `only ${stock} left: take ${quantity - stock} off, or remove the line`;
}
