/** What the API promises about books: routes and responses. Members are in `book.ts`, parameters in `listing.ts`. */
import * as z from "zod";
import { uuid } from "../http/fields.ts";
import { cursorPage } from "../http/paging.ts";
import { json, MERGE_PATCH, route } from "../http/route.ts";
import { Book, BookChanges, BookInput, isbn } from "./book.ts";
import { bookPaging } from "./listing.ts";
import { MATCHES } from "./search.ts";

const match = z.enum(MATCHES).nullable().optional().meta({
  description:
    "How the books match `search` and `author`: by all words, by words with slips or parts of words, or by some of the words. Null if the listing is empty.",
});

/** Pages by cursor and by number are one object, because many generators drop members of a union's second object. */
const { data, limit, next_cursor, prev_cursor } = cursorPage(Book).shape;
const BookPage = z
  .strictObject({
    data,
    limit,
    match,
    next_cursor: next_cursor.optional(),
    prev_cursor: prev_cursor.optional(),
    total: z.int().optional().meta({
      description: "The number of all matching rows. On numbered pages, and with `count`.",
    }),
    total_is_estimate: z
      .boolean()
      .optional()
      .meta({ description: "True if `total` is an estimate, otherwise absent." }),
    page: z.int().optional().meta({ description: "The page number. Only on numbered pages." }),
    total_pages: z.int().optional().meta({ description: "The number of pages. Only on numbered pages." }),
  })
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
  body: json(BookInput),
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
  cached: true,
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
  cached: true,
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

export const putBookByIsbn = route({
  ...updateBook,
  method: "put",
  path: "/api/v1/books/isbn/:isbn",
  name: "putBookByIsbn",
  summary: "Add a book, or update the book with this ISBN",
  params: getBookByIsbn.params,
  creates: true,
  body: json(BookChanges),
  success: {
    200: {
      ...theBook,
      description: "The book was there. Members that the request leaves out keep their values.",
    },
    201: {
      ...theBook,
      description: "The book is new. The request has all members that a new book requires.",
      headers: ["ETag", "Location"],
    },
  },
  problems: [],
});

export const deleteBook = route({
  ...books,
  method: "delete",
  path: "/api/v1/books/:id",
  name: "deleteBook",
  summary: "Delete a book; its stock movements stay",
  role: "editor",
  params: byId,
  conditional: true,
  success: { 204: { description: "Deleted." } },
  problems: [],
});
