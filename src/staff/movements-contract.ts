/** The page of the stock movements. */
import * as z from "zod";
import { STAFF } from "../http/auth/session.ts";
import { fail, instant } from "../http/fields.ts";
import { page, type ShownListing } from "../http/page.ts";
import { ledgerPaging, listAllMovements } from "../stock/contract.ts";
import { startOfDay } from "./days.ts";

export const showMovements = page({ path: `${STAFF}/movements`, role: "clerk" });

/** A day of the shop, as the time of its beginning or that of the day after. */
const day = (zone: string, later: number) =>
  z
    .string()
    .transform((date, context) =>
      /^(19|2\d)\d\d-/.test(date) && z.iso.date().safeParse(date).success
        ? startOfDay(zone, date, later)
        : fail(context, "invalid_format", "must be a date such as 2026-11-26"),
    )
    .pipe(instant())
    .optional();

/** The listing of the API, whose times are days here, with the last one included. */
export function movementListing(zone: string) {
  const days = { since: day(zone, 0), until: day(zone, 1) };
  const paging = {
    bound: ledgerPaging.bound.extend(days),
    query: ledgerPaging.query.safeExtend(days),
  };
  return { path: listAllMovements.path, paging, limit: 50 } satisfies ShownListing;
}
