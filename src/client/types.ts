/**
 * The types of requests and responses. They are written out so that editors show them in full and the client has no
 * dependencies; test/client/client.types.ts compares them with the contracts.
 */

export type BookFormat = "hardback" | "paperback" | "board_book" | "ebook" | "audiobook" | "other";

export interface Book {
  id: string;
  title: string;
  author: string;
  /** ISBN-13, digits only. */
  isbn: string;
  /** At most two decimals. */
  price: number;
  stock: number;
  description: string | null;
  publisher: string | null;
  /** A year, a month or a day: `2008`, `2008-09` or `2008-09-14`. */
  published: string | null;
  /** A BCP 47 tag, such as `en` or `pt-BR`. */
  language: string | null;
  format: BookFormat | null;
  pages: number | null;
  cover_url: string | null;
  subjects: string[];
  /** RFC 3339, UTC, microseconds: `2026-03-28T12:00:00.123456Z`. */
  created_at: string;
  updated_at: string;
}

export interface BookInput {
  title: string;
  author: string;
  /** ISBN-10 or ISBN-13; hyphens, spaces, a label (`ISBN-13:`) and a qualifier (`(pbk.)`) are ignored. */
  isbn: string;
  /** At most two decimals; above 0 for a book with stock. */
  price: number;
  /** 0 by default. */
  stock?: number | undefined;
  description?: string | null | undefined;
  publisher?: string | null | undefined;
  /** A year, a month or a day: `2008`, `2008-09` or `2008-09-14`. */
  published?: string | null | undefined;
  /** A BCP 47 tag, such as `en` or `pt-BR`. */
  language?: string | null | undefined;
  format?: BookFormat | null | undefined;
  pages?: number | null | undefined;
  cover_url?: string | null | undefined;
  subjects?: string[] | undefined;
}

/** Any subset of a book. A whole book may be sent back: the API ignores its read-only members. */
export interface BookChanges {
  title?: string | undefined;
  author?: string | undefined;
  /** ISBN-10 or ISBN-13; hyphens, spaces, a label (`ISBN-13:`) and a qualifier (`(pbk.)`) are ignored. */
  isbn?: string | undefined;
  /** At most two decimals; above 0 for a book with stock. */
  price?: number | undefined;
  stock?: number | undefined;
  /** Null removes the description. */
  description?: string | null | undefined;
  publisher?: string | null | undefined;
  /** A year, a month or a day: `2008`, `2008-09` or `2008-09-14`. */
  published?: string | null | undefined;
  /** A BCP 47 tag, such as `en` or `pt-BR`. */
  language?: string | null | undefined;
  format?: BookFormat | null | undefined;
  pages?: number | null | undefined;
  cover_url?: string | null | undefined;
  subjects?: string[] | undefined;
  id?: unknown;
  created_at?: unknown;
  updated_at?: unknown;
}

/** The filters and sort order of a listing. */
export interface BookFilters {
  /**
   * Words of the title, author, publisher or ISBN, in any order; case, accents and punctuation are ignored. The last word may
   * be incomplete. 200 characters at most; an empty text is as if left out.
   */
  search?: string | undefined;
  /** Words of the author's name, as in `search`. */
  author?: string | undefined;
  /** Up to 100 ids. */
  id?: string | readonly string[] | undefined;
  /** Up to 100 ISBNs. */
  isbn?: string | readonly string[] | undefined;
  /** Case is ignored, as in the next three. */
  publisher?: string | undefined;
  language?: string | undefined;
  format?: BookFormat | undefined;
  subject?: string | undefined;
  /** `2008`, `2008-09` or `2008-09-14`: books whose date of publication may be this or later. */
  published_from?: string | undefined;
  published_to?: string | undefined;
  min_price?: number | undefined;
  max_price?: number | undefined;
  in_stock?: boolean | undefined;
  /** Books of which fewer are in stock. Only with a sort by `stock`. */
  stock_below?: number | undefined;
  /** `relevance` by default with `search`, which it needs; otherwise `-created_at` (newest first). */
  sort?:
    | `${"" | "-"}${"created_at" | "title" | "author" | "price" | "published" | "stock"}`
    | "relevance"
    | undefined;
}

/** The position and size of a page. */
export interface PageQuery {
  /** Rows per page, 1 to 100. The default is 20, or 100 while iterating. */
  limit?: number | undefined;
  /** `next_cursor` or `prev_cursor` of a page of the same listing. */
  cursor?: string | undefined;
}

export interface BookQuery extends BookFilters, PageQuery {
  /** Adds the number of all matching rows as `total`. */
  count?: "exact" | "estimated" | undefined;
}

export interface Page<Row> {
  data: Row[];
  limit: number;
  next_cursor: string | null;
  prev_cursor: string | null;
}

/**
 * How the books of a search match: by all words, by words with slips or parts of words, or by some of the words. Null if
 * there are no books.
 */
export type Match = "all" | "similar" | "some" | null;

export interface BookPage extends Page<Book> {
  /** With `search` or `author`. */
  match?: Match | undefined;
  /** The number of all matching rows, if `count` asked for it. */
  total?: number | undefined;
  total_is_estimate?: true | undefined;
}

/** A page by its number. */
export interface NumberedPage<Row> {
  data: Row[];
  total: number;
  page: number;
  limit: number;
  /** With `search` or `author`. */
  match?: Match | undefined;
  total_pages: number;
}

export interface Task {
  id: string;
  title: string;
  completed: boolean;
  created_at: string;
  updated_at: string;
}

export interface TaskInput {
  title: string;
}

/** Any subset of a task. A whole task may be sent back: the API ignores its read-only members. */
export interface TaskChanges {
  title?: string | undefined;
  completed?: boolean | undefined;
  id?: unknown;
  created_at?: unknown;
  updated_at?: unknown;
}

export interface TaskQuery extends PageQuery {
  completed?: boolean | undefined;
}
