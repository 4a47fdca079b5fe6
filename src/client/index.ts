/**
 * The typed client: `import { createClient } from "octavo/client"`. It runs wherever `fetch` exists (browsers, Node 20,
 * Bun, Workers) and has no dependencies.
 */
import { type Feed, type FollowOptions, feedOf } from "./changes.ts";
import { ProblemError, ResponseError } from "./errors.ts";
import { exportedBooks, exportedFile } from "./export.ts";
import type { BookExport, BookImport, ImportSummary } from "./file-types.ts";
import { type ImportOptions, importedFile } from "./import.ts";
import { type ApiResponse, type ClientOptions, notFromApi, type Send, sender } from "./send.ts";
import type {
  ChangeQuery,
  LedgerQuery,
  StockAdjustment,
  StockCount,
  StockLevels,
  StockMovement,
  StockTransaction,
} from "./stock-types.ts";
import type {
  Book,
  BookChanges,
  BookFilters,
  BookInput,
  BookPage,
  BookQuery,
  NumberedPage,
  Page,
  PageQuery,
  Task,
  TaskChanges,
  TaskInput,
  TaskQuery,
} from "./types.ts";

export type { Feed, FollowedChange, FollowOptions } from "./changes.ts";
export * from "./errors.ts";
export type * from "./file-types.ts";
export type { ImportOptions } from "./import.ts";
export type * from "./problem-types.ts";
export type { ClientOptions } from "./send.ts";
export type * from "./stock-types.ts";
export type * from "./types.ts";

export interface CallOptions {
  /** Aborts the call, which rejects with the signal's reason. The outcome of a write is unknown. */
  signal?: AbortSignal | undefined;
}

export interface PageOptions extends CallOptions {
  /** `next_cursor` or `prev_cursor` of another page; by default, the query's cursor. */
  cursor?: string | undefined;
}

export interface PostOptions extends CallOptions {
  /** Your own key, for example to continue after a page reload. The effect of a key happens once within 24 hours. */
  idempotencyKey?: string | undefined;
}

export interface WriteOptions extends CallOptions {
  /**
   * The `etag` that you read. If someone else has changed the resource since, the write fails with `precondition_failed`.
   * An update with `ifMatch` is retried when its connection breaks. If it then fails with `precondition_failed` and
   * `attempts` above 1, an earlier attempt may have succeeded.
   */
  ifMatch?: string | undefined;
}

export interface PutOptions extends WriteOptions {
  /** `"*"` only creates: if the resource exists, the call fails with `precondition_failed`. */
  ifNoneMatch?: "*" | undefined;
}

/** A single resource and its version. */
export interface Versioned<Resource> {
  data: Resource;
  /** The version, for `ifMatch` of a later write. */
  etag: string;
}

/** A resource that was created or updated. */
export interface Put<Resource> extends Versioned<Resource> {
  /** Whether it is new. */
  created: boolean;
}

/**
 * A listing. Iterating over it fetches page after page and yields every row; a row that nobody changes meanwhile comes
 * exactly once.
 */
export interface Listing<Row, RowPage extends Page<Row>> extends AsyncIterable<Row> {
  /** Fetches one page: the first, or the one at a cursor. A `signal` replaces that of the listing. */
  page(options?: PageOptions): Promise<RowPage>;
}

/** Every method rejects with a {@link ProblemError}, {@link ResponseError}, {@link ConnectionError} or {@link TimeoutError}. */
export interface Client {
  books: {
    /** `for await (const book of client.books.list({ search: "dune" })) …` */
    list(query?: BookQuery, options?: CallOptions): Listing<Book, BookPage>;
    /** Fetches a page by its number, from 1, with totals. Page numbers reach row 100,000. */
    page(
      number: number,
      query?: BookFilters & { limit?: number | undefined },
      options?: CallOptions,
    ): Promise<NumberedPage<Book>>;
    /** Iterates over all books that match, in one request: faster than `list` for a whole catalogue. Needs the role clerk. */
    export(
      query?: Omit<BookExport, "format" | "with_ids" | "excel" | "escape_formulas">,
      options?: CallOptions,
    ): AsyncIterable<Book>;
    /** Imports a file of CSV, NDJSON or ONIX. In Node, `openAsBlob` opens one. Needs the role editor. */
    import(file: Blob, query?: BookImport, options?: ImportOptions): Promise<ImportSummary>;
    /** Streams a file of all books that match, CSV by default. Needs the role clerk. */
    exportFile(query?: BookExport, options?: CallOptions): Promise<ReadableStream<Uint8Array>>;
    get(id: string, options?: CallOptions): Promise<Versioned<Book>>;
    /** @param isbn ISBN-10 or ISBN-13, hyphens and spaces allowed */
    getByIsbn(isbn: string, options?: CallOptions): Promise<Versioned<Book>>;
    /** Needs the role editor. */
    create(book: BookInput, options?: PostOptions): Promise<Versioned<Book>>;
    /** Needs the role editor. */
    update(id: string, changes: BookChanges, options?: WriteOptions): Promise<Versioned<Book>>;
    /**
     * Updates the book with this ISBN, or adds it. Members that are left out keep their values; a new book needs title, author
     * and price. `ifNoneMatch: "*"` only adds, `ifMatch` only updates. Needs the role editor.
     */
    putByIsbn(isbn: string, members: BookChanges, options?: PutOptions): Promise<Put<Book>>;
    /** Deletes the book. Its stock movements stay. Needs the role editor. */
    delete(id: string, options?: WriteOptions): Promise<void>;
    /**
     * Adds to the stock, or takes from it. If the stock is too low, fails with `insufficient_stock` and changes nothing.
     * Needs the role clerk.
     */
    adjustStock(id: string, adjustment: StockAdjustment, options?: PostOptions): Promise<Versioned<Book>>;
    /** Sets the stock to what was counted. The difference is the movement. Needs the role clerk. */
    countStock(id: string, count: StockCount, options?: WriteOptions): Promise<Versioned<Book>>;
    countStockByIsbn(isbn: string, count: StockCount, options?: WriteOptions): Promise<Versioned<Book>>;
    /** Lists all changes to a book's stock, newest first, also after it was deleted. Needs the role clerk. */
    movements(
      id: string,
      query?: PageQuery,
      options?: CallOptions,
    ): Listing<StockMovement, Page<StockMovement>>;
  };
  /** The stock of several books. Every method needs the role clerk. */
  stock: {
    /**
     * Records a sale or a delivery of up to 200 books: all lines, or none. If a stock is too low, fails with
     * `insufficient_stock`, and the error's `lines` name each that falls short.
     */
    change(transaction: StockTransaction, options?: PostOptions): Promise<StockLevels>;
    /** Lists the changes to the stock of all books, newest first. */
    movements(query?: LedgerQuery, options?: CallOptions): Listing<StockMovement, Page<StockMovement>>;
  };
  /**
   * Follows what changes in the catalogue: `for await (const change of client.changes({ since })) …` Keep `change.cursor` with
   * the copy, to go on with as `since`. If it fails with `cursor_expired`, start the copy anew.
   */
  changes(query?: ChangeQuery, options?: FollowOptions): Feed;
  /** The shop's to-do list. Every method needs the role clerk. */
  tasks: {
    /** Lists tasks, newest first. */
    list(query?: TaskQuery, options?: CallOptions): Listing<Task, Page<Task>>;
    get(id: string, options?: CallOptions): Promise<Versioned<Task>>;
    create(task: TaskInput, options?: PostOptions): Promise<Versioned<Task>>;
    update(id: string, changes: TaskChanges, options?: WriteOptions): Promise<Versioned<Task>>;
    delete(id: string, options?: WriteOptions): Promise<void>;
  };
}

/**
 * Creates a client for the API at a URL.
 *
 * Transient failures are retried, after the delay that the server asks for or with exponential backoff: reads, POSTs (with
 * one Idempotency-Key), deletions, updates with `ifMatch`, and requests that were rejected before they had any effect.
 *
 * @param baseUrl the URL of the API, such as `https://books.example`; in a browser it may be relative to the page
 * @throws TypeError if the URL is invalid
 */
export function createClient(baseUrl: string | URL, options: ClientOptions = {}): Client {
  const send = sender(baseUrl, options);
  return {
    books: {
      list: (query, options) => listing(send, ["books"], withoutEmptyTerms(query), options),
      page: async (page, query, { signal } = {}) => {
        const numbered = { ...withoutEmptyTerms(query), page };
        return pageOf(await send({ method: "GET", path: ["books"], query: numbered, signal }));
      },
      export: (query, options) => exportedBooks(send, withoutEmptyTerms(query), options),
      import: (file, query, options) => importedFile(send, file, query, options),
      exportFile: (query, options) => exportedFile(send, withoutEmptyTerms(query), options),
      get: (id, options) => get(send, ["books", id], options),
      getByIsbn: (isbn, options) => get(send, ["books", "isbn", isbn], options),
      create: (book, options) => post(send, ["books"], book, options),
      update: (id, changes, options) => update(send, ["books", id], changes, options),
      putByIsbn: (isbn, members, options) => put(send, ["books", "isbn", isbn], members, options),
      delete: (id, options) => remove(send, ["books", id], options),
      adjustStock: (id, adjustment, options) => post(send, ["books", id, "stock"], adjustment, options),
      countStock: (id, count, options) => update(send, ["books", id, "stock"], count, options, "PUT"),
      countStockByIsbn: (isbn, count, options) =>
        update(send, ["books", "isbn", isbn, "stock"], count, options, "PUT"),
      movements: (id, query, options) => listing(send, ["books", id, "stock", "movements"], query, options),
    },
    stock: {
      change: (transaction, options) => changeStock(send, transaction, options),
      movements: (query, options) => listing(send, ["stock", "movements"], query, options),
    },
    changes: (query, options) => feedOf(send, query, options),
    tasks: {
      list: (query, options) => listing(send, ["tasks"], query, options),
      get: (id, options) => get(send, ["tasks", id], options),
      create: (task, options) => post(send, ["tasks"], task, options),
      update: (id, changes, options) => update(send, ["tasks", id], changes, options),
      delete: (id, options) => remove(send, ["tasks", id], options),
    },
  };
}

type Path = readonly string[];

async function get<R>(send: Send, path: Path, { signal }: CallOptions = {}): Promise<Versioned<R>> {
  return versioned(await send({ method: "GET", path, signal }));
}

async function post<R>(
  send: Send,
  path: Path,
  body: object,
  { signal, idempotencyKey }: PostOptions = {},
): Promise<Versioned<R>> {
  return versioned(await send({ method: "POST", path, body, signal, idempotencyKey }));
}

async function update<R>(
  send: Send,
  path: Path,
  body: object,
  { signal, ifMatch }: WriteOptions = {},
  method: "PATCH" | "PUT" = "PATCH",
): Promise<Versioned<R>> {
  return versioned(await send({ method, path, body, signal, ifMatch }));
}

async function changeStock(
  send: Send,
  body: StockTransaction,
  { signal, idempotencyKey }: PostOptions = {},
): Promise<StockLevels> {
  const response = await send({ method: "POST", path: ["stock"], body, signal, idempotencyKey });
  const levels = response.body as StockLevels | null;
  if (!Array.isArray(levels?.lines)) throw unexpected(response.status, "no stock");
  return levels;
}

async function put<R>(
  send: Send,
  path: Path,
  body: object,
  { signal, ifMatch, ifNoneMatch }: PutOptions = {},
): Promise<Put<R>> {
  const response = await send({ method: "PUT", path, body, signal, ifMatch, ifNoneMatch });
  return { ...versioned<R>(response), created: response.status === 201 };
}

async function remove(send: Send, path: Path, { signal, ifMatch }: WriteOptions = {}): Promise<void> {
  try {
    await send({ method: "DELETE", path, signal, ifMatch });
  } catch (error) {
    // An earlier attempt succeeded, but its response was lost.
    if (!(error instanceof ProblemError && error.error === "not_found" && error.attempts > 1)) throw error;
  }
}

/** An empty search box searches for nothing. The API agrees; leaving the parameter out keeps URLs and caches simple. */
const withoutEmptyTerms = <Q extends Pick<BookFilters, "search" | "author">>(query = {} as Q): Q => ({
  ...query,
  search: query.search || undefined,
  author: query.author || undefined,
});

/** The page size while iterating: the maximum of the API. */
const MAX_LIMIT = 100;

function listing<Row, RowPage extends Page<Row>>(
  send: Send,
  path: Path,
  query: PageQuery = {},
  { signal }: CallOptions = {},
): Listing<Row, RowPage> {
  const pageAt = async (query: PageQuery, ownSignal = signal) =>
    pageOf<RowPage>(await send({ method: "GET", path, query, signal: ownSignal }));
  return {
    page: ({ cursor = query.cursor, signal } = {}) => pageAt({ ...query, cursor }, signal),
    async *[Symbol.asyncIterator]() {
      let { cursor } = query;
      do {
        const page = await pageAt({ limit: MAX_LIMIT, ...query, cursor });
        yield* page.data;
        if (page.next_cursor === cursor) throw unexpected(200, "a page that leads to itself");
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined);
    },
  };
}

function pageOf<P extends { data: unknown[] }>({ status, body }: ApiResponse): P {
  if (!Array.isArray((body as Partial<P> | null)?.data)) throw unexpected(status, "no page");
  return body as P;
}

function versioned<R>({ status, headers, body }: ApiResponse): Versioned<R> {
  const etag = headers.get("ETag");
  if (etag === null || typeof (body as { id?: unknown } | null)?.id !== "string")
    throw unexpected(status, "no resource");
  return { data: body as R, etag };
}

const unexpected = (status: number, what: string) => new ResponseError(notFromApi(what), status);
