/** The types of the client are those of the contracts. `npm run check` fails if they differ. */
import type * as z from "zod";
import type * as members from "../../src/books/book.ts";
import type * as books from "../../src/books/contract.ts";
import type * as catalogue from "../../src/catalogue/contract.ts";
import type * as changes from "../../src/changes/contract.ts";
import {
  type Book,
  type BookPage,
  type Client,
  createClient,
  type NumberedPage,
  type ProblemBody,
  type ProblemCode,
  ProblemError,
  type StockMovement,
  type Task,
  type ValidationError,
  type Versioned,
} from "../../src/client/index.ts";
import type * as problem from "../../src/http/problem.ts";
import type { PROBLEM } from "../../src/http/problem-schema.ts";
import type { ProblemCode as DeclaredCode } from "../../src/http/problems.ts";
import type { Declaration, JsonBody } from "../../src/http/route.ts";
import type * as stock from "../../src/stock/contract.ts";
import type * as tasks from "../../src/tasks/contract.ts";

/** True if two types are assignable to each other, member by member. */
type Same<A, B> = [A, keyof A] extends [B, keyof B]
  ? [B, keyof B] extends [A, keyof A]
    ? true
    : false
  : false;

/** True if each type of a union is assignable to an object, and the union has exactly its members. */
type Fits<Union, Whole> = [Union, Members<Union>] extends [Whole, keyof Whole]
  ? keyof Whole extends Members<Union>
    ? true
    : false
  : false;
type Members<Union> = Union extends unknown ? keyof Union : never;

/** Compiles only if all are true. */
declare function hold<_ extends Record<string, true>>(): void;

/** The request body and response body of a route, on the wire. */
type Taken<R extends { body: JsonBody }> = z.input<R["body"]["schema"]>;
type Given<R extends Pick<Declaration, "success">, Status extends keyof R["success"]> = z.output<
  NonNullable<R["success"][Status] extends { schema: infer S extends z.ZodType } ? S : never>
>;

/** A list may also be a single value. */
type Listed<V> = V extends string[] ? string | readonly string[] : V;

/** Parameters are strings on the wire. The client accepts typed values, and prices as numbers too. */
type Query<R extends { paging: { query: z.ZodObject } }, Left extends string = never> = Parameters<
  R["paging"]["query"],
  Left
>;
type Parameters<Schema extends z.ZodObject, Left extends string = never> = {
  [Name in Exclude<keyof z.output<Schema>, Left>]?:
    | (Name extends `${string}_price` ? number : Listed<z.output<Schema>[Name]>)
    | undefined;
};

/** The parameters and the result of a client's method. */
type Argument<M, At extends number> = M extends (...values: infer A) => unknown ? NonNullable<A[At]> : never;
type Resource<M> = M extends (...values: never[]) => Promise<Versioned<infer R>> ? R : never;
type Pages<M> = M extends (...values: never[]) => { page(): Promise<infer P> } ? P : never;
type Rows<M> = M extends (...values: never[]) => AsyncIterable<infer R> ? R : never;

type Books = Client["books"];
type Stock = Client["stock"];
type Tasks = Client["tasks"];

hold<{
  listBooks: Same<Argument<Books["list"], 0>, Query<typeof books.listBooks, "page">>;
  listBooksPages: Fits<Pages<Books["list"]> | NumberedPage<Book>, Given<typeof books.listBooks, 200>>;
  listBooksRows: Same<Rows<Books["list"]>, z.output<typeof members.Book>>;
  pageOfBooks: Same<Argument<Books["page"], 1>, Query<typeof books.listBooks, "page" | "cursor" | "count">>;
  getBook: Same<Resource<Books["get"]>, Given<typeof books.getBook, 200>>;
  getBookByIsbn: Same<Resource<Books["getByIsbn"]>, Given<typeof books.getBookByIsbn, 200>>;
  createBook: Same<Argument<Books["create"], 0>, Taken<typeof books.createBook>>;
  createdBook: Same<Resource<Books["create"]>, Given<typeof books.createBook, 201>>;
  updateBook: Same<Argument<Books["update"], 1>, Taken<typeof books.updateBook>>;
  updatedBook: Same<Resource<Books["update"]>, Given<typeof books.updateBook, 200>>;
  exportBooks: Same<Argument<Books["exportFile"], 0>, Parameters<typeof catalogue.exportQuery>>;
  exportedBooks: Same<Rows<Books["export"]>, z.output<typeof members.Book>>;
  putBookByIsbn: Same<Argument<Books["putByIsbn"], 1>, Taken<typeof books.putBookByIsbn>>;
  bookOfIsbn: Same<Resource<Books["putByIsbn"]>, Given<typeof books.putBookByIsbn, 200 | 201>>;
  listChangesPage: Same<Pages<Client["changes"]>, Given<typeof changes.listChanges, 200>>;
  adjustStock: Same<Argument<Books["adjustStock"], 1>, Taken<typeof stock.adjustStock>>;
  adjustedStock: Same<Resource<Books["adjustStock"]>, Given<typeof stock.adjustStock, 200>>;
  listMovements: Same<Argument<Books["movements"], 1>, Query<typeof stock.listMovements>>;
  listMovementsPages: Same<Pages<Books["movements"]>, Given<typeof stock.listMovements, 200>>;
  countStock: Same<Argument<Books["countStock"], 1>, Taken<typeof stock.countStock>>;
  countedStock: Same<Resource<Books["countStock"]>, Given<typeof stock.countStock, 200>>;
  countStockByIsbn: Same<Argument<Books["countStockByIsbn"], 1>, Taken<typeof stock.countStockByIsbn>>;
  changeStock: Same<Argument<Stock["change"], 0>, Taken<typeof stock.changeStock>>;
  changedStock: Same<Awaited<ReturnType<Stock["change"]>>, Given<typeof stock.changeStock, 200>>;
  listAllMovements: Same<Argument<Stock["movements"], 0>, Query<typeof stock.listAllMovements>>;
  listAllMovementsPages: Same<Pages<Stock["movements"]>, Given<typeof stock.listAllMovements, 200>>;
  listTasks: Same<Argument<Tasks["list"], 0>, Query<typeof tasks.listTasks>>;
  listTasksPages: Same<Pages<Tasks["list"]>, Given<typeof tasks.listTasks, 200>>;
  getTask: Same<Resource<Tasks["get"]>, Given<typeof tasks.getTask, 200>>;
  createTask: Same<Argument<Tasks["create"], 0>, Taken<typeof tasks.createTask>>;
  createdTask: Same<Resource<Tasks["create"]>, Given<typeof tasks.createTask, 201>>;
  updateTask: Same<Argument<Tasks["update"], 1>, Taken<typeof tasks.updateTask>>;
  updatedTask: Same<Resource<Tasks["update"]>, Given<typeof tasks.updateTask, 200>>;
  problem: Same<ProblemBody, z.output<typeof PROBLEM>>;
  problemCode: Same<ProblemCode, DeclaredCode>;
  validationError: Same<ValidationError, problem.ValidationError>;
}>();

const client = createClient("https://books.example", { token: async () => undefined, fetch });

// @ts-expect-error a book needs a price
client.books.create({ title: "Dune", author: "Frank Herbert", isbn: "9780441172719" });
// @ts-expect-error the API has no such member
client.books.update("", { tilte: "Dune" });
// @ts-expect-error the API has no such parameter
client.books.list({ serach: "dune" });
// @ts-expect-error the API has no such order
client.books.list({ sort: "-pages" });
// @ts-expect-error a page has a number or a cursor
client.books.page(1, { cursor: "" });
// @ts-expect-error a movement cannot be changed
client.books.movements("").update;
// @ts-expect-error a POST accepts a key, not a version
client.tasks.create({ title: "" }, { ifMatch: "" });

for await (const book of client.books.list({ search: "dune", in_stock: true, max_price: 12.5 })) {
  const row: Book = book;
  // @ts-expect-error a book has no such member
  row.weight;
}
for await (const movement of client.books.movements("")) movement satisfies StockMovement;
for await (const task of client.tasks.list()) task satisfies Task;
(await client.books.list({ count: "exact" }).page()) satisfies BookPage;
(await client.books.page(1)) satisfies NumberedPage<Book>;
(await client.books.get("")).etag satisfies string;

// A response can be sent back as an update.
client.books.update("", (await client.books.get("")).data);

try {
  await client.books.adjustStock("", { delta: -1 });
} catch (error) {
  if (error instanceof ProblemError) {
    // @ts-expect-error the API has no such code
    if (error.error === "out_of_stock") error.available;
    if (error.error === "insufficient_stock") error.available satisfies number | undefined;
    error.lines[0]?.available satisfies number | undefined;
    error.details[0]?.code satisfies problem.ValidationCode | undefined;
  }
}
