/** What the API promises about stock: changes to it, and the movements that record them. */
import * as z from "zod";
import { isbn, MAX_STOCK } from "../books/book.ts";
import { books, byId, getBookByIsbn, theBook } from "../books/contract.ts";
import { fail, instant, integer, keysOf, moment, text, uuid } from "../http/fields.ts";
import { cursorPage, type Paging, pageParameters } from "../http/paging.ts";
import { json, route } from "../http/route.ts";

const tag = { name: "Stock", description: "Sales and deliveries, and the ledger of all books." };
const stock = { tag, database: true } as const;

/** The most books of one sale or delivery. */
export const MAX_LINES = 200;

const delta = integer({ min: -MAX_STOCK - 1, max: MAX_STOCK })
  .superRefine((value, context) => {
    if (value === 0) fail(context, "out_of_range", "must not be 0");
  })
  .meta({
    not: { const: 0 },
    description: "The quantity to add to the stock, or to take from it if negative.",
    examples: [-2],
  });

/** What a movement says of its change. */
const reason = text({ min: 1, max: 100 })
  .nullable()
  .default(null)
  .meta({ examples: ["sale"] });
export const reference = text({ min: 1, max: 100 })
  .nullable()
  .default(null)
  .meta({ description: "The order or receipt that the change belongs to.", examples: ["receipt 1042"] });

export const StockAdjustment = z.strictObject({ delta, reason, reference }).meta({ id: "StockAdjustment" });

export type StockAdjustment = z.output<typeof StockAdjustment>;

const StockLine = z
  .strictObject({ id: uuid().optional(), isbn: isbn().optional(), delta })
  .superRefine(
    (line, context) => {
      if ("id" in line === "isbn" in line)
        fail(context, "id" in line ? "invalid_format" : "required", "must have either an id or an isbn");
    },
    // Runs even if a member is invalid, because a response lists all faults.
    { when: ({ value }) => typeof value === "object" && value !== null && !Array.isArray(value) },
  )
  .meta({
    id: "StockLine",
    description: "A book by its id or by its ISBN, and its quantity.",
    examples: [{ isbn: "978-0-486-27263-4", delta: -2 }],
  });

export const StockTransaction = z
  .strictObject({
    lines: z.array(StockLine).min(1).max(MAX_LINES).meta({ description: "Each line is of another book." }),
    reason,
    reference,
  })
  .meta({ id: "StockTransaction" });

export type StockTransaction = z.output<typeof StockTransaction>;

const StockLevels = z
  .strictObject({
    lines: z.array(
      z
        .strictObject({
          id: uuid(),
          isbn: z.string().meta({ examples: ["9780486272634"] }),
          stock: z.int().meta({ minimum: 0, maximum: MAX_STOCK, examples: [5] }),
        })
        .meta({ id: "StockLevel" }),
    ),
  })
  .meta({ id: "StockLevels" });

export const StockCount = z
  .strictObject({
    stock: integer({ min: 0, max: MAX_STOCK }).meta({ description: "What was counted.", examples: [12] }),
    reason: reason.meta({ examples: ["count"] }),
    reference,
  })
  .meta({ id: "StockCount" });

export type StockCount = z.output<typeof StockCount>;

const StockMovement = z
  .strictObject({
    id: uuid(),
    book_id: uuid(),
    isbn: z.string().meta({ description: "The book's ISBN at the time.", examples: ["9780486272634"] }),
    delta: z.int().meta({ examples: [-2] }),
    stock_after: z.int().meta({ minimum: 0, maximum: MAX_STOCK, examples: [5] }),
    reason: z
      .string()
      .nullable()
      .meta({ description: "`deleted` if the book was deleted.", examples: ["sale"] }),
    reference: z
      .string()
      .nullable()
      .meta({ examples: ["receipt 1042"] }),
    actor: z
      .string()
      .nullable()
      .meta({
        description:
          "The subject of the token that made the change, or `issuer#subject` if tokens may have several issuers. Null if the change was made in the database.",
        examples: ["auth0|5f7c8ec7"],
      }),
    created_at: moment(),
  })
  .meta({ id: "StockMovement" });

export type StockMovement = z.output<typeof StockMovement>;

/** In the order of the JSON. */
export const MOVEMENT_MEMBERS = keysOf(StockMovement.shape);

export const movementPaging = {
  bound: z.object({}),
  query: z.strictObject(pageParameters),
} satisfies Paging;

export type MovementQuery = z.output<typeof movementPaging.query>;

const ledgerFilters = {
  reference: text({ min: 1, max: 100 })
    .optional()
    .meta({ description: "Only movements with exactly this reference.", examples: ["receipt 1042"] }),
  reason: text({ min: 1, max: 100 })
    .optional()
    .meta({ description: "Only movements with exactly this reason.", examples: ["sale"] }),
  since: instant().optional().meta({ description: "Only movements at this time or later." }),
  until: instant().optional().meta({ description: "Only movements before this time." }),
};

export const ledgerPaging = {
  bound: z.object(ledgerFilters),
  query: z.strictObject({ ...pageParameters, ...ledgerFilters }).superRefine(
    ({ since, until }, context) => {
      if (since && until && since > until)
        fail(context, "out_of_range", "must not be later than until", ["since"]);
    },
    { when: () => true },
  ),
} satisfies Paging;

export type LedgerQuery = z.output<typeof ledgerPaging.query>;

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

export const countStock = route({
  ...books,
  method: "put",
  path: "/api/v1/books/:id/stock",
  name: "countStock",
  summary: "Set a book's stock to what was counted",
  role: "clerk",
  params: byId,
  body: json(StockCount),
  conditional: true,
  success: { 200: theBook },
  problems: [],
});

export const countStockByIsbn = route({
  ...countStock,
  path: "/api/v1/books/isbn/:isbn/stock",
  name: "countStockByIsbn",
  summary: "Set the stock of the book with an ISBN to what was counted",
  params: getBookByIsbn.params,
});

export const changeStock = route({
  ...stock,
  method: "post",
  path: "/api/v1/stock",
  name: "changeStock",
  summary: "Record a sale or a delivery of several books, all or nothing",
  role: "clerk",
  body: json(StockTransaction),
  success: {
    200: { description: "The new stock of each book, in the order of the lines.", schema: StockLevels },
  },
  problems: ["insufficient_stock"],
});

const aPage = {
  description: "A page of movements.",
  schema: cursorPage(StockMovement).meta({ id: "StockMovementPage" }),
  headers: ["Link"],
} as const;

export const listMovements = route({
  ...books,
  method: "get",
  path: "/api/v1/books/:id/stock/movements",
  name: "listMovements",
  summary: "List the stock movements of a book, newest first, also after it was deleted",
  role: "clerk",
  params: byId,
  paging: movementPaging,
  success: { 200: aPage },
  problems: [],
});

export const listAllMovements = route({
  ...stock,
  method: "get",
  path: "/api/v1/stock/movements",
  name: "listAllMovements",
  summary: "List the stock movements of all books, newest first",
  role: "clerk",
  paging: ledgerPaging,
  success: { 200: aPage },
  problems: [],
});
