/**
 * The typed client: `import { createClient } from "octavo/client"`. It runs wherever there is `fetch` (browsers, Node 20,
 * Bun, Workers), and imports nothing.
 */
import { ProblemError, ResponseError } from "./errors.ts";
import { type Answer, type ClientOptions, type Send, sender } from "./send.ts";
import type {
  Book,
  BookChanges,
  BookFilters,
  BookPage,
  BookQuery,
  NewBook,
  NewTask,
  NumberedPage,
  Page,
  PageQuery,
  StockAdjustment,
  StockMovement,
  Task,
  TaskChanges,
  TaskQuery,
} from "./types.ts";

export * from "./errors.ts";
export type { ClientOptions } from "./send.ts";
export type * from "./types.ts";

export interface CallOptions {
  /** Ends the call, which then rejects with the signal's reason. What becomes of a write is unknown. */
  signal?: AbortSignal | undefined;
}

export interface PostOptions extends CallOptions {
  /** One of your own, to go on after a reload, say: the effect of a key happens once in 24 hours. */
  idempotencyKey?: string | undefined;
}

export interface WriteOptions extends CallOptions {
  /**
   * The `etag` you read: a change that came between is a `precondition_failed` then, and not lost. With it a change is
   * sent again when its connection breaks; a `precondition_failed` with `attempts` above 1 may be its own trace.
   */
  ifMatch?: string | undefined;
}

/** A single resource, and the version it is at. */
export interface Versioned<Resource> {
  data: Resource;
  /** For `ifMatch` of a later write. */
  etag: string;
}

/**
 * A listing. As an iterable it has every row, and asks for page after page while it is walked: a row left alone meanwhile
 * comes exactly once.
 */
export interface Listing<Row, RowPage extends Page<Row>> extends AsyncIterable<Row> {
  /** One page: the first, or the one that the query's cursor leads to. */
  page(): Promise<RowPage>;
}

/** Every method rejects with a {@link ProblemError}, {@link ResponseError}, {@link ConnectionError} or {@link TimeoutError}. */
export interface Client {
  books: {
    /** `for await (const book of client.books.list({ search: "dune" })) …` */
    list(query?: BookQuery, options?: CallOptions): Listing<Book, BookPage>;
    /** A page by its number, from 1 on, with totals. It goes down to row 100,000. */
    page(
      number: number,
      query?: BookFilters & { limit?: number | undefined },
      options?: CallOptions,
    ): Promise<NumberedPage<Book>>;
    get(id: string, options?: CallOptions): Promise<Versioned<Book>>;
    /** @param isbn ISBN-10 or ISBN-13, hyphens and spaces allowed */
    getByIsbn(isbn: string, options?: CallOptions): Promise<Versioned<Book>>;
    /** Needs the role editor. */
    create(book: NewBook, options?: PostOptions): Promise<Versioned<Book>>;
    /** Needs the role editor. */
    update(id: string, changes: BookChanges, options?: WriteOptions): Promise<Versioned<Book>>;
    /** Deletes the book and its stock movements. Needs the role editor. */
    delete(id: string, options?: WriteOptions): Promise<void>;
    /** Adds to the stock, or takes from it: all of it or, with `insufficient_stock`, nothing. Needs the role clerk. */
    adjustStock(id: string, adjustment: StockAdjustment, options?: PostOptions): Promise<Versioned<Book>>;
    /** Every change of a book's stock, the newest first. Needs the role clerk. */
    movements(
      id: string,
      query?: PageQuery,
      options?: CallOptions,
    ): Listing<StockMovement, Page<StockMovement>>;
  };
  /** The shop's to-do list. All of it needs the role clerk. */
  tasks: {
    /** The newest come first. */
    list(query?: TaskQuery, options?: CallOptions): Listing<Task, Page<Task>>;
    get(id: string, options?: CallOptions): Promise<Versioned<Task>>;
    create(task: NewTask, options?: PostOptions): Promise<Versioned<Task>>;
    update(id: string, changes: TaskChanges, options?: WriteOptions): Promise<Versioned<Task>>;
    delete(id: string, options?: WriteOptions): Promise<void>;
  };
}

/**
 * Makes a client of the API at a URL.
 *
 * Requests that fail in passing are sent again, after the wait that the server asks for or a growing one: reads, POSTs (under
 * one Idempotency-Key), deletions, changes with `ifMatch`, and whatever was refused before anything was done.
 *
 * @param baseUrl where the API is, such as `https://books.example`; on a page it may be relative
 * @throws TypeError for a base that is no such URL
 */
export function createClient(baseUrl: string | URL, options: ClientOptions = {}): Client {
  const send = sender(baseUrl, options);
  return {
    books: {
      list: (query, options) => listing(send, ["books"], query, options),
      page: async (page, query, { signal } = {}) =>
        pageOf(await send({ method: "GET", path: ["books"], query: { ...query, page }, signal })),
      get: (id, options) => get(send, ["books", id], options),
      getByIsbn: (isbn, options) => get(send, ["books", "isbn", isbn], options),
      create: (book, options) => post(send, ["books"], book, options),
      update: (id, changes, options) => update(send, ["books", id], changes, options),
      delete: (id, options) => remove(send, ["books", id], options),
      adjustStock: (id, adjustment, options) => post(send, ["books", id, "stock"], adjustment, options),
      movements: (id, query, options) => listing(send, ["books", id, "stock", "movements"], query, options),
    },
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
): Promise<Versioned<R>> {
  return versioned(await send({ method: "PATCH", path, body, signal, ifMatch }));
}

async function remove(send: Send, path: Path, { signal, ifMatch }: WriteOptions = {}): Promise<void> {
  try {
    await send({ method: "DELETE", path, signal, ifMatch });
  } catch (error) {
    // An earlier attempt did it, and its answer was lost.
    if (!(error instanceof ProblemError && error.error === "not_found" && error.attempts > 1)) throw error;
  }
}

/** Rows of a page where all pages are walked. */
const LONGEST_PAGE = 100;

function listing<Row, RowPage extends Page<Row>>(
  send: Send,
  path: Path,
  query: PageQuery = {},
  { signal }: CallOptions = {},
): Listing<Row, RowPage> {
  const pageAt = async (query: PageQuery) =>
    pageOf<RowPage>(await send({ method: "GET", path, query, signal }));
  return {
    page: () => pageAt(query),
    async *[Symbol.asyncIterator]() {
      let { cursor } = query;
      do {
        const page = await pageAt({ limit: LONGEST_PAGE, ...query, cursor });
        yield* page.data;
        if (page.next_cursor === cursor) throw unexpected(200, "a page that leads to itself");
        cursor = page.next_cursor ?? undefined;
      } while (cursor !== undefined);
    },
  };
}

function pageOf<P extends { data: unknown[] }>({ status, body }: Answer): P {
  if (!Array.isArray((body as Partial<P> | null)?.data)) throw unexpected(status, "no page");
  return body as P;
}

function versioned<R>({ status, headers, body }: Answer): Versioned<R> {
  const etag = headers.get("ETag");
  if (etag === null || typeof (body as { id?: unknown } | null)?.id !== "string")
    throw unexpected(status, "no resource");
  return { data: body as R, etag };
}

const unexpected = (status: number, what: string) =>
  new ResponseError(`The server answered with ${what}, not as the API does.`, status);
