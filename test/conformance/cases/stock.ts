/** Stock changes and stock movements. */
import type { Case } from "../exchange.ts";
import { APPLE, DUNE, ZOO } from "../fixtures.ts";
import { walk } from "./listing.ts";
import {
  BOOKS_PATH,
  DUNE_ISBN_PATH,
  DUNE_PATH,
  each,
  JSON_TYPE,
  LEDGER_PATH,
  MOVEMENTS_PATH,
  NO_BOOK_PATH,
  type Row,
  reads,
  SALES_PATH,
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
      await send(200, "GET", MOVEMENTS_PATH, { role });
    },
  },
  {
    name: "a sale of several books leaves a movement of each, and is found by its reference",
    run: async (send) => {
      const lines = [
        { isbn: DUNE.isbn, delta: -1 },
        { id: APPLE.id, delta: -1 },
      ];
      const headers = { "Idempotency-Key": "receipt-1042" };
      const body = { lines, reason: "sale", reference: "receipt 1042" };
      await send(200, "POST", SALES_PATH, { role, body, headers });
      await send(200, "POST", SALES_PATH, { role, body, headers });
      await send(409, "POST", SALES_PATH, {
        role,
        body: { lines: lines.map((line) => ({ ...line, delta: -99 })) },
      });
      for (const query of [
        "reference=receipt%201042&limit=1",
        "reason=sale&since=2001-01-01T00:00:00%2B01:00",
      ])
        await send(200, "GET", `${LEDGER_PATH}?${query}`, { role });
    },
  },
  {
    name: "a count leaves the difference as a movement",
    run: async (send) => {
      await send(200, "PUT", STOCK_PATH, { role, body: { stock: 12, reason: "count" } });
      await send(200, "PUT", `${DUNE_ISBN_PATH}/stock`, { role, body: { stock: 12 } });
      await send(412, "PUT", STOCK_PATH, { role, body: { stock: 1 }, headers: { "If-Match": '"x"' } });
      await send(200, "GET", MOVEMENTS_PATH, { role });
    },
  },
];

const selling = each("sell", [
  ...[
    {},
    { lines: [] },
    { lines: [null] },
    { lines: [{ delta: 1 }] },
    { lines: [{ id: DUNE.id, isbn: DUNE.isbn, delta: 1 }] },
    { lines: [{ id: DUNE.id, delta: 0 }] },
    { lines: [{ isbn: "1", delta: 1 }], reference: "" },
    { lines: [{ id: NO_BOOK_PATH.slice(-36), delta: 1 }] },
    { lines: [DUNE.id, DUNE.id].map((id) => ({ id, delta: 1 })) },
    {
      lines: [
        { id: DUNE.id, delta: 1 },
        { isbn: DUNE.isbn, delta: 1 },
      ],
    },
    { lines: [{ id: ZOO.id, delta: 1 }] },
    { lines: [{ id: DUNE.id, delta: 2_147_483_647 }] },
    { lines: Array.from({ length: 201 }, () => ({ id: DUNE.id, delta: 1 })) },
  ].map((body): Row => [422, "POST", SALES_PATH, { role, body }]),
  [409, "POST", SALES_PATH, { role, body: { lines: [{ id: ZOO.id, delta: -1 }] } }],
  [404, "PUT", `${NO_BOOK_PATH}/stock`, { role, body: { stock: 1 } }],
  [404, "PUT", `${BOOKS_PATH}/isbn/1/stock`, { role, body: { stock: 1 } }],
  [405, "PUT", `${BOOKS_PATH}/isbn/stock/movements`, { role, body: { stock: 1 } }],
  ...[{}, { stock: -1 }, { stock: 2_147_483_648 }, { stock: 1, delta: 1 }].map(
    (body): Row => [422, "PUT", STOCK_PATH, { role, body }],
  ),
  [422, "PUT", `${BOOKS_PATH}/${ZOO.id}/stock`, { role, body: { stock: 1 } }],
]);

const ledger = [
  ...reads("ledger", [
    [200, `${LEDGER_PATH}?limit=3`, { role }],
    [200, `${LEDGER_PATH}?reason=none`, { role }],
    [400, `${LEDGER_PATH}?cursor=x`, { role }],
    ...["since=now", "until=2026-02-30T00:00:00Z", "reason=", "reference=a&reference=b", "page=1"].map(
      (query) => [422, `${LEDGER_PATH}?${query}`, { role }] as const,
    ),
  ]),
  walk(LEDGER_PATH, "", 3, { role }),
  walk(LEDGER_PATH, "since=2001-01-01T00:00:00Z", 2, { role }),
];

export const stockCases = [...movements, ...ledger, ...adjusting, ...selling, ...dialogues];
