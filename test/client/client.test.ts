/** The typed client with the real API, on each runtime: pages, versions, problems, lost responses. */
import { beforeAll, describe, expect, test } from "vitest";
import { type Client, type ClientOptions, createClient } from "../../src/client/index.ts";
import { isbnOf } from "../support/books.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";
import { rowsOf } from "../support/walk.ts";

const ROWS = 250;
const NEW_BOOK = { title: "Dune", author: "Frank Herbert", price: 9.99, stock: 3 };
let next = 500_000_000;
const dune = (members = {}) => ({ ...NEW_BOOK, isbn: isbnOf(next++), ...members });

describe.each(RUNTIMES)("on %s", (runtime) => {
  let database: TestDatabase;
  let url: string;
  let token: string;
  let client: Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    ({ url } = await startServer(runtime, database, { AUTH_SECRET: SECRET }));
    token = await tokenFor("editor");
    client = connect();
    await database.sql(
      `insert into books (title, author, isbn, price, created_at)
       select 'Row', 'Nobody', isbn, 1, '2020-01-01' from unnest($1::text[]) as isbn`,
      [Array.from({ length: ROWS }, (_, at) => isbnOf(at))],
    );
  });

  const connect = (options: ClientOptions = {}) => createClient(url, { token, ...options });

  /** A client that records its requests. */
  function recording() {
    const requests: string[] = [];
    const fetch: ClientOptions["fetch"] = (url, init) => {
      requests.push(`${init.method} ${new URL(url).pathname}`);
      return globalThis.fetch(url, init);
    };
    return { requests, client: connect({ fetch }) };
  }

  /** A client that loses its first responses, after the server has executed the requests. */
  function losing(answers: number) {
    let lost = 0;
    const fetch: ClientOptions["fetch"] = async (url, init) => {
      const response = await globalThis.fetch(url, init);
      if (lost++ >= answers) return response;
      await response.arrayBuffer();
      throw new TypeError("fetch failed");
    };
    return connect({ fetch });
  }

  test("an iterator yields every row once, page after page", async () => {
    const { requests, client } = recording();
    const rows = await rowsOf(client.books.list({ author: "nobody", sort: "title" }));
    expect(requests).toHaveLength(3);
    expect(rows).toHaveLength(ROWS);
    expect(new Set(rows.map(({ isbn }) => isbn)).size).toBe(ROWS);
  });

  test("an iterator requests no more pages after its loop ends", async () => {
    const { requests, client } = recording();
    for await (const { author } of client.books.list({ author: "nobody", limit: 10 })) {
      expect(author).toBe("Nobody");
      if (requests.length === 2) break;
    }
    expect(requests).toHaveLength(2);
  });

  test("pages can be read forwards, backwards and by number", async () => {
    const query = { author: "nobody", sort: "-price", limit: 20 } as const;
    const first = await client.books.list({ ...query, count: "exact" }).page();
    expect(first).toMatchObject({
      limit: 20,
      total: ROWS,
      prev_cursor: null,
      next_cursor: expect.any(String),
    });
    const second = await client.books.list({ ...query, cursor: first.next_cursor ?? "" }).page();
    const back = await client.books.list({ ...query, cursor: second.prev_cursor ?? "" }).page();
    expect(back.data).toEqual(first.data);
    const numbered = await client.books.page(2, query);
    expect(numbered).toEqual({
      data: second.data,
      total: ROWS,
      page: 2,
      limit: 20,
      match: "all",
      total_pages: 13,
    });
  });

  test("a query filters and sorts as its parameters say", async () => {
    await client.books.create(dune({ title: "A & B = 100%", price: 12.5 }));
    const found = (query: Parameters<typeof client.books.list>[0]) => client.books.list(query).page();
    const query = {
      search: "a & b = 100%",
      min_price: 12.5,
      max_price: 12.5,
      in_stock: true,
      author: undefined,
    };
    expect((await found(query)).data).toHaveLength(1);
    expect((await found({ ...query, in_stock: false })).data).toEqual([]);
  });

  test("a book is put by its ISBN: added first, then updated", async () => {
    const { isbn, ...members } = dune();
    await expect(client.books.putByIsbn(isbn, members, { ifMatch: "*" })).rejects.toMatchObject({
      status: 404,
    });
    const made = await client.books.putByIsbn(isbn, members, { ifNoneMatch: "*" });
    expect(made).toMatchObject({ created: true, data: { ...members, isbn } });
    const changed = await client.books.putByIsbn(isbn, { price: 5 }, { ifMatch: made.etag });
    expect(changed).toMatchObject({ created: false, data: { ...members, isbn, price: 5 } });
    for (const options of [{ ifNoneMatch: "*" }, { ifMatch: made.etag }] as const) {
      await expect(client.books.putByIsbn(isbn, members, options)).rejects.toMatchObject({ status: 412 });
    }
  });

  test("a file is imported, and its report is followed", async () => {
    const { isbn } = dune();
    const file = new Blob([`isbn,title,author,price\n${isbn},Imported,Imre,1\nx,A,B,1\n`]);
    const told: unknown[] = [];
    const options = {
      onProgress: (progress: unknown) => told.push(progress),
      onRefused: (row: unknown) => told.push(row),
    };
    const summary = await client.books.import(file, { type: "text/csv", default_price: 2 }, options);
    expect(summary).toMatchObject({ created: 1, refused: 1, repairs: {}, dry_run: false });
    expect(told).toMatchObject([
      { row: 2, isbn: null },
      { rows: 2, created: 1 },
    ]);
    expect((await client.books.getByIsbn(isbn)).data.title).toBe("Imported");
    const empty = client.books.import(new Blob([]), { type: "text/csv" });
    await expect(empty).rejects.toMatchObject({ error: "validation_failed", message: "The file is empty." });
    await expect(client.books.import(file)).rejects.toMatchObject({ status: 415 });
  });

  test("an export yields all books, or their file", async () => {
    const query = { author: "nobody", sort: "-title" } as const;
    const listed = await rowsOf(client.books.list(query));
    expect(await rowsOf(client.books.export(query))).toEqual(listed);
    const text = await new Response(await client.books.exportFile({ ...query, excel: true })).text();
    expect(text.split("\r\n")).toHaveLength(ROWS + 2);
    const titles: string[] = [];
    for await (const { title } of client.books.export(query)) {
      titles.push(title);
      if (titles.length === 2) break;
    }
    expect(titles).toEqual(listed.slice(0, 2).map(({ title }) => title));
    await expect(client.books.exportFile({ ...query, sort: "relevance" as "title" })).rejects.toMatchObject({
      error: "validation_failed",
    });
  });

  test("every method for a book works from its creation to its deletion", async () => {
    const { data: made, etag } = await client.books.create(dune());
    expect(made).toMatchObject({ ...NEW_BOOK, description: null });
    expect((await client.books.get(made.id)).data).toEqual(made);
    expect((await client.books.getByIsbn(made.isbn)).etag).toBe(etag);
    const changed = await client.books.update(made.id, { ...made, price: 5 }, { ifMatch: etag });
    expect(changed.data.price).toBe(5);
    await expect(client.books.update(made.id, { price: 6 }, { ifMatch: etag })).rejects.toMatchObject({
      name: "ProblemError",
      status: 412,
      error: "precondition_failed",
      attempts: 1,
    });
    await expect(client.books.delete(made.id, { ifMatch: etag })).rejects.toMatchObject({ status: 412 });
    expect((await client.books.adjustStock(made.id, { delta: -2, reason: "sale" })).data.stock).toBe(1);
    const movements = await rowsOf(client.books.movements(made.id));
    expect(movements.map(({ delta }) => delta)).toEqual([-2, 3]);
    expect(await client.books.delete(made.id)).toBeUndefined();
    await expect(client.books.get(made.id)).rejects.toMatchObject({ error: "not_found" });
  });

  test("every method for stock works, and its movements outlive the book", async () => {
    const [{ data: one, etag }, { data: two }] = await Promise.all([
      client.books.create(dune()),
      client.books.create(dune()),
    ]);
    const receipt = {
      lines: [
        { isbn: one.isbn, delta: -1 },
        { id: two.id, delta: -3 },
      ],
      reason: "sale",
      reference: crypto.randomUUID(),
    };
    expect(await losing(1).stock.change(receipt)).toEqual({
      lines: [
        { id: one.id, isbn: one.isbn, stock: 2 },
        { id: two.id, isbn: two.isbn, stock: 0 },
      ],
    });
    await expect(client.stock.change(receipt)).rejects.toMatchObject({
      error: "insufficient_stock",
      available: undefined,
      lines: [{ line: 1, id: two.id, isbn: two.isbn, available: 0 }],
    });
    const count = { stock: 7, reason: "count" };
    await expect(client.books.countStock(one.id, count, { ifMatch: etag })).rejects.toMatchObject({
      error: "precondition_failed",
    });
    expect((await client.books.countStock(one.id, count)).data.stock).toBe(7);
    expect((await client.books.countStockByIsbn(two.isbn, count)).data.stock).toBe(7);
    await client.books.delete(one.id);
    const movements = await rowsOf(client.books.movements(one.id));
    expect(movements.map(({ delta, reason }) => [delta, reason])).toEqual([
      [-7, "deleted"],
      [5, "count"],
      [-1, "sale"],
      [3, null],
    ]);
    const sold = await rowsOf(client.stock.movements({ reference: receipt.reference }));
    expect(sold.map(({ delta }) => delta).sort()).toEqual([-1, -3]);
  });

  test("every method for a task works from its creation to its deletion", async () => {
    const { data: made, etag } = await client.tasks.create({ title: "Dust" });
    expect((await client.tasks.get(made.id)).data).toEqual(made);
    const { data: done } = await client.tasks.update(made.id, { completed: true }, { ifMatch: etag });
    expect([done.completed, await rowsOf(client.tasks.list({ completed: false }))]).toEqual([true, []]);
    expect(await client.tasks.delete(made.id)).toBeUndefined();
  });

  test("an error has the problem's code and details", async () => {
    const { data: made } = await client.books.create(dune());
    await expect(client.books.create(dune({ title: " ", price: -1 }))).rejects.toMatchObject({
      name: "ProblemError",
      status: 422,
      error: "validation_failed",
      requestId: expect.stringMatching(/^[\w-]+$/),
      details: [
        { in: "body", path: "title", code: "too_short", message: "must not be empty" },
        { in: "body", path: "price", code: "out_of_range", message: "must be 0 or more" },
      ],
    });
    const unknown = Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`m${at}`, at]));
    await expect(client.books.create(dune(unknown))).rejects.toMatchObject({ detailsOmitted: 1 });
    await expect(client.books.create(dune({ isbn: made.isbn }))).rejects.toMatchObject({
      error: "conflict",
      id: made.id,
      isbn: made.isbn,
    });
    await expect(client.books.adjustStock(made.id, { delta: -4 })).rejects.toMatchObject({
      error: "insufficient_stock",
      available: 3,
      message: "The stock is 3 and does not cover 4.",
    });
    const nobody = createClient(url);
    await expect(nobody.books.delete(made.id)).rejects.toMatchObject({ error: "unauthorized", details: [] });
    await expect(client.books.list({ cursor: "x" }).page()).rejects.toMatchObject({
      error: "invalid_cursor",
    });
    await expect(client.books.get("..")).rejects.toMatchObject({ error: "not_found" });
  });

  describe("a lost response", () => {
    test("a lost response does not create a book twice", async () => {
      const { data: made } = await losing(2).books.create(dune({ title: "Lost" }));
      const { data: rows } = await client.books.list({ search: "lost" }).page();
      expect(rows).toEqual([made]);
    });

    test("a lost response does not sell a book twice", async () => {
      const { data: made } = await client.books.create(dune());
      await losing(3).books.adjustStock(made.id, { delta: -1 });
      expect((await client.books.get(made.id)).data.stock).toBe(2);
    });

    test("a lost response does not undo a later change", async () => {
      const { data: made, etag } = await client.books.create(dune());
      const change = losing(1).books.update(made.id, { price: 5 }, { ifMatch: etag });
      await expect(change).rejects.toMatchObject({ error: "precondition_failed", attempts: 2 });
      const careless = losing(1).books.update(made.id, { price: 6 });
      await expect(careless).rejects.toMatchObject({ name: "ConnectionError", attempts: 1 });
      expect((await client.books.get(made.id)).data.price).toBe(6);
    });

    test("a lost response does not hide that a book is deleted", async () => {
      const { data: made } = await client.books.create(dune());
      expect(await losing(1).books.delete(made.id)).toBeUndefined();
    });
  });

  test("every operation of the API except PUT, which equals PATCH, has a method", async () => {
    const { requests, client } = recording();
    const methods = Object.values(client).flatMap((resource) =>
      typeof resource === "function" ? [resource] : Object.values(resource),
    ) as ((argument: string) => unknown)[];
    // The argument takes the place of every id, body and query: only methods and paths matter here.
    const calls = methods.map(async (call) => {
      const result = call("{}");
      await (result instanceof Promise ? result : (result as ReturnType<Client["books"]["list"]>).page());
    });
    await Promise.allSettled(calls);
    const { paths } = await (await fetch(`${url}/openapi.json`)).json();
    const operations = Object.entries<object>(paths)
      .filter(([path]) => path.startsWith("/api/"))
      .flatMap(([path, item]) => Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`))
      .filter((operation) => operation !== "PUT /api/v1/books/{id}");
    const called = new Set(requests.map((request) => decodeURIComponent(request)));
    const missing = operations.filter((operation) => !called.has(operation.replaceAll(/\{\w+\}/g, "{}")));
    expect(missing.map((operation) => `Add a method for ${operation} to src/client/index.ts.`)).toEqual([]);
  });
});
