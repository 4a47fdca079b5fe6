/** What the API promises about books: every route, parameter and response. The members are in `book.ts`. */
import * as z from "zod";
import { fail, searchTerm, trueOrFalse, uuid, wholeNumber } from "../http/fields.ts";
import { cursorPage, type Paging, pageParameters } from "../http/paging.ts";
import { json, MERGE_PATCH, route } from "../http/route.ts";
import { Book, BookChanges, isbn, MAX_PRICE, NewBook } from "./book.ts";

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
