/** What the API promises about a book's stock: changes to it, and the movements that record them. */
import * as z from "zod";
import { MAX_STOCK } from "../books/book.ts";
import { books, byId, theBook } from "../books/contract.ts";
import { fail, integer, keysOf, moment, text, uuid } from "../http/fields.ts";
import { cursorPage, type Paging, pageParameters } from "../http/paging.ts";
import { json, route } from "../http/route.ts";

export const StockAdjustment = z
  .strictObject({
    delta: integer({ min: -MAX_STOCK - 1, max: MAX_STOCK })
      .superRefine((value, context) => {
        if (value === 0) fail(context, "out_of_range", "must not be 0");
      })
      .meta({
        not: { const: 0 },
        description: "The quantity to add to the stock, or to take from it if negative.",
        examples: [-2],
      }),
    reason: text({ min: 1, max: 100 })
      .nullable()
      .default(null)
      .meta({ examples: ["sale"] }),
  })
  .meta({ id: "StockAdjustment" });

export type StockAdjustment = z.output<typeof StockAdjustment>;

const StockMovement = z
  .strictObject({
    id: uuid(),
    book_id: uuid(),
    delta: z.int().meta({ examples: [-2] }),
    stock_after: z.int().meta({ minimum: 0, maximum: MAX_STOCK, examples: [5] }),
    reason: z
      .string()
      .nullable()
      .meta({ examples: ["sale"] }),
    created_at: moment(),
  })
  .meta({ id: "StockMovement" });

/** In the order of the JSON. */
export const MOVEMENT_MEMBERS = keysOf(StockMovement.shape);

export const movementPaging = {
  bound: z.object({}),
  query: z.strictObject(pageParameters),
} satisfies Paging;

export type MovementQuery = z.output<typeof movementPaging.query>;

export const adjustStock = route({
  ...books,
  method: "post",
  path: "/api/v1/books/:id/stock",
  name: "adjustStock",
  summary: "Add to a book's stock, or take from it",
  role: "clerk",
  params: byId,
  body: json(StockAdjustment),
  success: { 200: theBook },
  problems: ["insufficient_stock"],
});

export const listMovements = route({
  ...books,
  method: "get",
  path: "/api/v1/books/:id/stock/movements",
  name: "listMovements",
  summary: "List the stock movements of a book, newest first",
  role: "clerk",
  params: byId,
  paging: movementPaging,
  success: {
    200: {
      description: "A page of movements.",
      schema: cursorPage(StockMovement).meta({ id: "StockMovementPage" }),
      headers: ["Link"],
    },
  },
  problems: [],
});
