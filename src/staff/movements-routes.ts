/** The stock movements, for staff. */
import { listBooks } from "../books/store.ts";
import { rowsIn } from "../db/keyset.ts";
import type { Database } from "../db/ports.ts";
import type { Api } from "../http/api.ts";
import type { StockMovement } from "../stock/contract.ts";
import { listAllMovements } from "../stock/movements.ts";
import type { Counter } from "./counter.ts";
import { MovementsPage, RefusedMovementsPage } from "./movements.tsx";
import { movementListing, showMovements } from "./movements-contract.ts";
import type { Staff } from "./staff.ts";

const OPTIONS = { title: "Movements", place: "movements" } as const;

export function movementRoutes(api: Api, staff: Staff, { shop }: Counter): void {
  const listing = movementListing(shop.timeZone);
  api.page({ ...showMovements, listing }, async ({ query, position, url }, context) => {
    const found = await listAllMovements(context.database, query, position);
    const { limit, paging } = listing;
    const { rows, ...around } = context.pages.cut(found, position, {
      url,
      paging,
      query,
      limit,
      key: "created_at",
    });
    const movements: StockMovement[] = rows.map((row) => JSON.parse(row));
    const titles = await titlesOf(context.database, movements);
    const shown = { url, movements, titles, isFirst: position === undefined, ...around };
    return staff.reply(context, url, OPTIONS, (desk) => MovementsPage({ desk, shown }));
  });
  staff.onRefused(showMovements.path, OPTIONS, (_, refused) => RefusedMovementsPage({ refused }));
}

/** The titles of the books that are still there, by id. */
async function titlesOf(database: Database, movements: StockMovement[]): Promise<Map<string, string>> {
  const id = [...new Set(movements.map(({ book_id }) => book_id))];
  if (id.length === 0) return new Map();
  const { found } = await listBooks(database, { id, limit: id.length }, undefined);
  return new Map(
    rowsIn(found)
      .map((row) => JSON.parse(row))
      .map(({ id, title }) => [id, title]),
  );
}
