/** A book, declared once: what responses contain and what clients write. Each member is a column of the table. */
import * as z from "zod";
import {
  fail,
  integer,
  keysOf,
  moment,
  readOnlyMembers,
  text,
  uuid,
  withoutReadOnly,
} from "../http/fields.ts";
import { parseIsbn } from "./isbn.ts";

export const MAX_PRICE = 99_999_999.99;
export const MAX_STOCK = 2_147_483_647;

export const Book = z
  .strictObject({
    id: uuid(),
    title: z.string().meta({ examples: ["Flatland"] }),
    author: z.string().meta({ examples: ["Edwin A. Abbott"] }),
    isbn: z.string().meta({
      pattern: "^97[89][0-9]{10}$",
      description: "ISBN-13, digits only.",
      examples: ["9780486272634"],
    }),
    price: z.number().meta({ minimum: 0, maximum: MAX_PRICE, examples: [5.5] }),
    stock: z.int().meta({ minimum: 0, maximum: MAX_STOCK, examples: [7] }),
    description: z
      .string()
      .nullable()
      .meta({ examples: [null] }),
    created_at: moment(),
    updated_at: moment(),
  })
  .meta({ id: "Book" });

export const isbn = () =>
  z
    .string()
    .transform(
      (value, context) =>
        parseIsbn(value) ?? fail(context, "invalid_isbn", "must be a valid ISBN-10 or ISBN-13"),
    )
    .meta({
      format: "isbn",
      description:
        "ISBN-10 or ISBN-13. Hyphens, spaces, a label (`ISBN-13:`) and a qualifier (`(pbk.)`) are ignored.",
      examples: ["978-0-486-27263-4"],
    });

/** Converts a price to decimal text for NUMERIC(10,2), without rounding. */
const price = z
  .number()
  .min(0)
  .max(MAX_PRICE)
  .transform((value, context) => {
    const text = value.toFixed(2);
    return Number(text) === value ? text : fail(context, "invalid_format", "must have at most two decimals");
  })
  .meta({ minimum: 0, maximum: MAX_PRICE, description: "At most two decimals.", examples: [5.5] });

const writable = {
  title: text({ min: 1, max: 255 }).meta({ examples: ["Flatland"] }),
  author: text({ min: 1, max: 255 }).meta({ examples: ["Edwin A. Abbott"] }),
  isbn: isbn(),
  price,
  stock: integer({ min: 0, max: MAX_STOCK }).meta({ examples: [7] }),
  description: text({ min: 0, max: 10_000 }).nullable(),
};

/** The members that a client writes; each is a column of the table. */
export const WRITABLE = keysOf(writable);

/** A rule across two members. The database enforces it too, because only it knows the merged record of an update. */
export const ZERO_PRICE_WITH_STOCK = "must be above 0 for a book with stock";

export const NewBook = z
  .strictObject({
    ...writable,
    stock: writable.stock.default(0),
    description: writable.description.default(null),
  })
  .superRefine(
    ({ price, stock }, context) => {
      if (Number(price) === 0 && stock > 0)
        fail(context, "zero_price_with_stock", ZERO_PRICE_WITH_STOCK, ["price"]);
    },
    // Runs only if each member is valid.
    { when: ({ issues }) => issues.length === 0 },
  )
  .meta({ id: "NewBook" });

export const BookChanges = z
  .strictObject({ ...writable, ...readOnlyMembers })
  .partial()
  .transform(withoutReadOnly)
  .meta({ id: "BookChanges", examples: [{ price: 4.95, stock: 12 }] });

export type NewBook = z.output<typeof NewBook>;
export type BookChanges = z.output<typeof BookChanges>;
