/** The pages for the shop's books: their paths, who may open them, and what they take from a request. */
import * as z from "zod";
import { byId, listBooks } from "../books/contract.ts";
import { exportQuery } from "../catalogue/contract.ts";
import { STAFF } from "../http/auth/session.ts";
import { trueOrFalse } from "../http/fields.ts";
import { page } from "../http/page.ts";
import { MIB } from "../http/route.ts";

/** Text of a query that fills a field, or says where to return to. */
const given = z.string().optional();

export const BOOKS_IN_PAGE = 50;

export const showBooks = page({
  path: `${STAFF}/books`,
  role: "clerk",
  listing: { path: listBooks.path, paging: listBooks.paging, limit: BOOKS_IN_PAGE },
});

export const showNewBook = page({
  path: `${STAFF}/books/new`,
  role: "editor",
  query: z.object({ isbn: given, to: given }),
});

export const createBook = page({ method: "POST", path: showNewBook.path, role: "editor" });

/** Editors change the book there, clerks look at it. */
export const showBook = page({
  path: `${STAFF}/books/:id`,
  role: "clerk",
  params: byId,
  query: z.object({ done: given, to: given }),
});

export const updateBook = page({ method: "POST", path: showBook.path, role: "editor", params: byId });

export const showDeletion = page({ path: `${STAFF}/books/:id/delete`, role: "editor", params: byId });

export const deleteBook = page({ method: "POST", path: showDeletion.path, role: "editor", params: byId });

/** The books of a list as a file. The options of the file are the shop's. */
export const exportBooks = page({ path: `${STAFF}/books/export`, role: "clerk", query: exportQuery });

export const showImport = page({ path: `${STAFF}/books/import`, role: "editor" });

/** Without a script, the file is in memory. */
export const importForm = page({
  method: "POST",
  path: showImport.path,
  role: "editor",
  maxBytes: 10 * MIB,
});

/** With a script, the body is the file, and its size is limited as in the API. */
export const importFile = page({
  method: "POST",
  path: `${STAFF}/books/import/file`,
  role: "editor",
  query: z.object({ dry_run: trueOrFalse().optional(), default_price: given }),
});
