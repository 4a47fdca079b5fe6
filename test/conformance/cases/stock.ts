/** Stock changes and stock movements. */
import type { Case } from "../exchange.ts";
import { APPLE, ZOO } from "../fixtures.ts";
import { walk } from "./listing.ts";
import {
  BOOKS_PATH,
  DUNE_PATH,
  each,
  JSON_TYPE,
  MOVEMENTS_PATH,
  NO_BOOK_PATH,
  type Row,
  reads,
  STOCK_PATH,
} from "./tables.ts";

const role = "clerk";

const movements: Case[] = [
  ...reads("movements", [
    [200, MOVEMENTS_PATH, { role }],
    [200, `${MOVEMENTS_PATH}?limit=2`, { role }],
    [200, `${BOOKS_PATH}/${ZOO.id}/stock/movements`, { role }],
    [404, `${NO_BOOK_PATH}/stock/movements`, { role }],
    [404, `${BOOKS_PATH}/1/stock/movements`, { role }],
    [400, `${MOVEMENTS_PATH}?cursor=x`, { role }],
    ...["limit=0", "sort=delta", "page=1", "count=exact", "limit=1&limit=2"].map(
      (query) => [422, `${MOVEMENTS_PATH}?${query}`, { role }] as const,
    ),
  ]),
  walk(MOVEMENTS_PATH, "", 2, { role }),
  walk(MOVEMENTS_PATH, "", 4, { role }),
  {
    name: "a cursor of one book's movements does not go with another's",
    run: async (send) => {
      const { next_cursor } = (await send(200, "GET", `${MOVEMENTS_PATH}?limit=1`, { role })).json;
      await send(400, "GET", `${BOOKS_PATH}/${APPLE.id}/stock/movements?cursor=${next_cursor}`, { role });
    },
  },
];

const adjusting = each("adjust", [
  ...[
    { delta: 1 },
    { delta: -3 },
    { delta: 2_147_483_644, reason: "as many as there can be" },
    { delta: -1, reason: "  Cafe\u0301 😀 " },
    { delta: 1, reason: "é".repeat(100) },
    { delta: 1, reason: null },
  ].map((body): Row => [200, "POST", STOCK_PATH, { role, body }]),
  ...["1.0", "1e0", "-2.000"].map(
    (delta): Row => [200, "POST", STOCK_PATH, { role, raw: `{"delta":${delta}}`, headers: JSON_TYPE }],
  ),
  ...[{ delta: -4 }, { delta: -2_147_483_648 }].map((body): Row => [409, "POST", STOCK_PATH, { role, body }]),
  [409, "POST", `${BOOKS_PATH}/${ZOO.id}/stock`, { role, body: { delta: -1 } }],
  [422, "POST", `${BOOKS_PATH}/${ZOO.id}/stock`, { role, body: { delta: 1 } }],
  [422, "POST", `${BOOKS_PATH}/${APPLE.id}/stock`, { role, body: { delta: 1 } }],
  ...[
    {},
    { delta: 0 },
    { delta: 1.5 },
    { delta: "1" },
    { delta: null },
    { delta: 2_147_483_648 },
    { delta: -2_147_483_649 },
    { delta: 2_147_483_647 },
    { delta: 1, reason: "" },
    { delta: 1, reason: 5 },
    { delta: 1, reason: "a".repeat(101) },
    { delta: 1, reason: "a\0" },
    { delta: 1, stock: 2 },
  ].map((body): Row => [422, "POST", STOCK_PATH, { role, body }]),
  [404, "POST", `${NO_BOOK_PATH}/stock`, { role, body: { delta: 1 } }],
  [404, "POST", `${BOOKS_PATH}/1/stock`, { role, body: { delta: 1 } }],
  [422, "POST", `${STOCK_PATH}?delta=1`, { role, body: { delta: 1 } }],
]);

const dialogues: Case[] = [
  {
    name: "every change of stock leaves a movement",
    run: async (send) => {
      await send(200, "POST", STOCK_PATH, { role, body: { delta: 4, reason: "delivery" } });
      await send(200, "PATCH", DUNE_PATH, { role: "editor", body: { stock: 5 } });
      await send(200, "PATCH", DUNE_PATH, { role: "editor", body: { title: "Dune, moved" } });
      await send(409, "POST", STOCK_PATH, { role, body: { delta: -6 } });
      await send(200, "POST", STOCK_PATH, { role, body: { delta: -5 } });
      const { next_cursor } = (await send(200, "GET", `${MOVEMENTS_PATH}?limit=2`, { role })).json;
      await send(200, "GET", `${MOVEMENTS_PATH}?limit=20&cursor=${next_cursor}`, { role });
      await send(200, "GET", DUNE_PATH);
      await send(204, "DELETE", DUNE_PATH, { role: "editor" });
      await send(404, "GET", MOVEMENTS_PATH, { role });
    },
  },
];

export const stockCases = [...movements, ...adjusting, ...dialogues];
