/** The pages that change the stock: the till, goods in, and counting. */
import * as z from "zod";
import { STAFF } from "../http/auth/session.ts";
import { page } from "../http/page.ts";
import { reference } from "../stock/contract.ts";
import { CART_NUMBER } from "./till-cart.ts";

export const showTill = page({ path: `${STAFF}/till`, role: "clerk" });
export const changeTill = page({ method: "POST", path: showTill.path, role: "clerk" });

const byNumber = z.object({ number: z.string().regex(CART_NUMBER) });

export const showReceipt = page({
  path: `${STAFF}/till/receipts/:number`,
  role: "clerk",
  params: byNumber,
});
export const undoReceipt = page({
  method: "POST",
  path: showReceipt.path,
  role: "clerk",
  params: byNumber,
});

export const showReceive = page({ path: `${STAFF}/receive`, role: "clerk" });
export const changeReceive = page({ method: "POST", path: showReceive.path, role: "clerk" });
export const showDelivery = page({
  path: `${STAFF}/receive/delivery`,
  role: "clerk",
  query: z.object({ reference: reference.unwrap().unwrap() }),
});

export const showCount = page({ path: `${STAFF}/count`, role: "clerk" });
export const changeCount = page({ method: "POST", path: showCount.path, role: "clerk" });
