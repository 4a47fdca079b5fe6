/** What the API promises about books: every member, parameter and response. */
import * as z from "zod";
import {
  fail,
  integer,
  keysOf,
  moment,
  readOnlyMembers,
  searchTerm,
  text,
  trueOrFalse,
  uuid,
  wholeNumber,
  withoutReadOnly,
} from "../http/fields.ts";
import { cursorPage, type Paging, pageParameters } from "../http/paging.ts";
import { json, MERGE_PATCH, route } from "../http/route.ts";
import { parseIsbn } from "./isbn.ts";

const MAX_PRICE = 99_999_999.99;
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

const isbn = () =>
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

const priceBound = () =>
  z
    .string()
    .transform((value, context) => {
      if (!/^\d+(\.\d{1,2})?$/.test(value))
        return fail(context, "invalid_type", "must be a price, such as 12.50");
      if (Number(value) > MAX_PRICE) return fail(context, "out_of_range", `must be ${MAX_PRICE} or less`);
      return Number(value).toFixed(2);
    })
    .meta({ type: "number", minimum: 0, maximum: MAX_PRICE });

export const SORTS = [
  "created_at",
  "-created_at",
  "title",
  "-title",
  "author",
  "-author",
  "price",
  "-price",
] as const;

/** The last row that a page number may reach; cursors have no limit. */
const MAX_PAGED_ROWS = 100_000;

const filters = {
  author: searchTerm().optional().meta({ description: "Part of the author's name; case is ignored." }),
  search: searchTerm()
    .optional()
    .meta({ description: "Part of the title, author or ISBN; case is ignored." }),
  isbn: isbn().optional(),
  min_price: priceBound().optional().meta({ description: "The lowest price, inclusive." }),
  max_price: priceBound().optional().meta({ description: "The highest price, inclusive." }),
  in_stock: trueOrFalse()
    .optional()
    .meta({ description: "`true` lists books in stock, `false` lists books out of stock." }),
  sort: z
    .enum(SORTS)
    .default("-created_at")
    .meta({ description: "The sort order; a leading `-` means descending." }),
};

export const bookPaging = {
  bound: z.object(filters),
  query: z
    .strictObject({
      ...pageParameters,
      ...filters,
      count: z
        .enum(["exact", "estimated"])
        .optional()
        .meta({ description: "Adds the number of all matching rows as `total`." }),
      page: wholeNumber({ min: 1, max: Number.MAX_SAFE_INTEGER })
        .optional()
        .meta({ description: "A page number, for pages with totals instead of cursors." }),
    })
    .superRefine(
      ({ min_price, max_price, page, cursor, count, limit }, context) => {
        if (min_price && max_price && Number(min_price) > Number(max_price)) {
          fail(context, "out_of_range", "must not exceed max_price", ["min_price"]);
        }
        if (page === undefined) return;
        if (cursor !== undefined) fail(context, "invalid_format", "cannot be combined with cursor", ["page"]);
        if (count !== undefined)
          fail(
            context,
            "invalid_format",
            "cannot be combined with count: numbered pages always have totals",
            ["page"],
          );
        if (page * limit > MAX_PAGED_ROWS) {
          fail(
            context,
            "out_of_range",
            `must not go beyond row ${MAX_PAGED_ROWS}; follow next_cursor instead`,
            ["page"],
          );
        }
      },
      // Runs even if other parameters are invalid, because a response lists all faults.
      { when: () => true },
    ),
} satisfies Paging;

export type BookQuery = z.output<typeof bookPaging.query>;

const BookPage = z
  .union([
    cursorPage(Book).extend({ total: z.int().optional(), total_is_estimate: z.literal(true).optional() }),
    z.strictObject({
      data: z.array(Book),
      total: z.int(),
      page: z.int(),
      limit: z.int(),
      total_pages: z.int(),
    }),
  ])
  .meta({ id: "BookPage" });

export const byId = z.object({ id: uuid() });
const tag = { name: "Books", description: "The catalogue." };
export const books = { tag, database: true } as const;
export const theBook = { description: "The book.", schema: Book, headers: ["ETag"] } as const;

export const createBook = route({
  ...books,
  method: "post",
  path: "/api/v1/books",
  name: "createBook",
  summary: "Add a book",
  role: "editor",
  body: json(NewBook),
  success: { 201: { ...theBook, headers: ["ETag", "Location"] } },
  problems: ["conflict"],
});

export const listBooks = route({
  ...books,
  method: "get",
  path: "/api/v1/books",
  name: "listBooks",
  summary: "List and search books",
  role: "public",
  paging: bookPaging,
  success: { 200: { description: "A page of books.", schema: BookPage, headers: ["Link"] } },
  problems: [],
});

export const getBook = route({
  ...books,
  method: "get",
  path: "/api/v1/books/:id",
  name: "getBook",
  summary: "Get a book",
  role: "public",
  params: byId,
  conditional: true,
  success: { 200: theBook, 304: { description: "Not modified.", headers: ["ETag"] } },
  problems: [],
});

export const getBookByIsbn = route({
  ...getBook,
  path: "/api/v1/books/isbn/:isbn",
  name: "getBookByIsbn",
  summary: "Get a book by its ISBN",
  params: z.object({ isbn: isbn() }),
});

export const updateBook = route({
  ...books,
  method: "patch",
  path: "/api/v1/books/:id",
  name: "updateBook",
  summary: "Update a book",
  role: "editor",
  params: byId,
  body: json(BookChanges, { types: MERGE_PATCH }),
  conditional: true,
  success: { 200: theBook },
  problems: ["conflict"],
});

/** PUT takes any subset of the members, as in the original API. */
export const putBook = route({
  ...updateBook,
  method: "put",
  name: "putBook",
  summary: "Update a book, in part or in full",
  body: json(BookChanges),
});

export const deleteBook = route({
  ...books,
  method: "delete",
  path: "/api/v1/books/:id",
  name: "deleteBook",
  summary: "Delete a book and its stock movements",
  role: "editor",
  params: byId,
  conditional: true,
  success: { 204: { description: "Deleted." } },
  problems: [],
});
