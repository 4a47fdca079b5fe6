/** Creating, reading, updating and deleting books, over HTTP on workerd. */
import { beforeAll, describe, expect, test } from "vitest";
import { Book } from "../../src/books/book.ts";
import { BOOK_FORMAT, newBook } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startWorker } from "../support/worker.ts";

let api: Client;
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  api = await createClient((await startWorker(database, { OPEN_LOCAL_WRITES: "true" })).url);
});

const create = async (members?: Record<string, unknown>) =>
  (await api("POST", "/api/v1/books", { body: newBook(members) })).json;

describe("creating a book", () => {
  test("POST returns 201 with the book, its Location and its ETag", async () => {
    const body = newBook({ title: "  Émile ", price: 12.3, description: "On education" });
    const { status, json, headers, text } = await api("POST", "/api/v1/books", { body });
    expect(status).toBe(201);
    expect(Object.keys(json)).toEqual(Object.keys(Book.shape));
    expect(json).toMatchObject({ ...body, title: "Émile" });
    expect(json.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(json.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(json.updated_at).toBe(json.created_at);
    expect(text).toContain('"price":12.3,');
    expect(headers.get("Location")).toBe(`/api/v1/books/${json.id}`);
    expect(headers.get("ETag")).toBe(`"${json.id}.1.${BOOK_FORMAT}"`);
    expect(headers.get("Cache-Control")).toBe("no-cache, no-transform");
  });

  test("POST sets a missing stock to 0 and a missing description to null", async () => {
    const { title, author, isbn, price } = newBook();
    const { json } = await api("POST", "/api/v1/books", { body: { title, author, isbn, price } });
    expect(json).toMatchObject({ stock: 0, description: null });
  });

  test("POST accepts an ISBN-10 and hyphens, and returns 13 digits", async () => {
    expect((await create({ isbn: "0-8044-2957-X" })).isbn).toBe("9780804429573");
    expect((await create({ isbn: "979-10-90636-07-1" })).isbn).toBe("9791090636071");
  });

  test("POST normalises text to NFC", async () => {
    expect((await create({ title: "Cafe\u0301" })).title).toBe("Caf\u00e9");
  });

  test("the length of a text counts characters, not UTF-16 code units", async () => {
    expect((await create({ title: "𝔸".repeat(255) })).title).toBe("𝔸".repeat(255));
  });

  test("the lowest and the highest price are kept to the cent", async () => {
    for (const price of [0.01, 0.1, 19.99, 1.1, 99_999_999.99])
      expect((await create({ price })).price).toBe(price);
    expect((await create({ price: 0, stock: 0 })).price).toBe(0);
  });

  test("POST accepts the largest stock", async () => {
    expect((await create({ stock: 2_147_483_647 })).stock).toBe(2_147_483_647);
  });

  test("the last of duplicate members applies", async () => {
    const raw = JSON.stringify(newBook()).replace('"title":"Dune"', '"title":"First","title":"Last"');
    const { json } = await api("POST", "/api/v1/books", {
      raw,
      headers: { "Content-Type": "application/json" },
    });
    expect(json.title).toBe("Last");
  });

  test("POST returns 409 for a taken ISBN, in any notation", async () => {
    await create({ isbn: "978-0-14-044913-6" });
    const { status, json } = await api("POST", "/api/v1/books", { body: newBook({ isbn: "0140449132" }) });
    expect(status).toBe(409);
    expect(json.error).toBe("conflict");
  });

  test("two simultaneous POSTs of one ISBN return 201 and 409", async () => {
    for (let round = 0; round < 10; round++) {
      const body = newBook();
      const answers = await Promise.all([1, 2].map(() => api("POST", "/api/v1/books", { body })));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    }
  });
});

describe("reading a book", () => {
  test("a book is found by its id in any case, and by its ISBN in any notation", async () => {
    const book = await create({ isbn: "9780306406157" });
    for (const path of [book.id, book.id.toUpperCase(), "isbn/9780306406157", "isbn/0-306-40615-2"]) {
      const { status, json, headers } = await api("GET", `/api/v1/books/${path}`);
      expect(status).toBe(200);
      expect(json).toEqual(book);
      expect(headers.get("ETag")).toBe(`"${book.id}.1.${BOOK_FORMAT}"`);
    }
  });

  test("HEAD returns the headers of GET without a body", async () => {
    const book = await create();
    const { status, text, headers } = await api("HEAD", `/api/v1/books/${book.id}`);
    expect([status, text, headers.get("ETag")]).toEqual([200, "", `"${book.id}.1.${BOOK_FORMAT}"`]);
  });

  test.each([
    "00000000-0000-7000-8000-000000000000",
    "1",
    "not-a-uuid",
    "00000000000070008000000000000000",
    "isbn/9780306406158",
    "isbn/0000000000000",
    "isbn/9780000000019",
    "isbn/x",
  ])("GET %s returns 404", async (path) => {
    expect((await api("GET", `/api/v1/books/${path}`)).status).toBe(404);
  });
});

describe.each(["PATCH", "PUT"])("%s", (method) => {
  test("an update changes the given members and increments the version", async () => {
    const book = await create({ description: "Sand" });
    const { status, json, headers } = await api(method, `/api/v1/books/${book.id}`, {
      body: { price: 20, description: null },
    });
    expect(status).toBe(200);
    expect(json).toEqual({ ...book, price: 20, description: null, updated_at: json.updated_at });
    expect(json.updated_at > book.updated_at, `${json.updated_at} is later than ${book.updated_at}`).toBe(
      true,
    );
    expect(headers.get("ETag")).toBe(`"${book.id}.2.${BOOK_FORMAT}"`);
  });

  test("an update that changes nothing keeps the version and updated_at", async () => {
    const book = await create();
    for (const body of [{}, { title: book.title }, book]) {
      const { status, json, headers } = await api(method, `/api/v1/books/${book.id}`, { body });
      expect([status, headers.get("ETag")]).toEqual([200, `"${book.id}.1.${BOOK_FORMAT}"`]);
      expect(json).toEqual(book);
    }
  });

  test("an update ignores read-only members", async () => {
    const book = await create();
    const body = { ...book, id: "x", created_at: 1, updated_at: null, title: "Dune Messiah" };
    const { json } = await api(method, `/api/v1/books/${book.id}`, { body });
    expect(json).toMatchObject({ id: book.id, created_at: book.created_at, title: "Dune Messiah" });
  });

  test("an update checks the rule on price and stock against the merged book", async () => {
    const inStock = await create({ price: 5, stock: 1 });
    const free = await create({ price: 0, stock: 0 });
    const both = await create({ price: 5, stock: 1 });
    for (const [book, body] of [
      [inStock, { price: 0 }],
      [free, { stock: 1 }],
      [both, { price: 0, stock: 2 }],
    ] as const) {
      const { status, json } = await api(method, `/api/v1/books/${book.id}`, { body });
      expect(status).toBe(422);
      expect(json.details).toMatchObject([{ in: "body", path: "price", code: "zero_price_with_stock" }]);
    }
    expect((await api(method, `/api/v1/books/${inStock.id}`, { body: { price: 0, stock: 0 } })).status).toBe(
      200,
    );
  });

  test("an update returns 409 for another book's ISBN, and accepts its own", async () => {
    const [book, other] = [await create(), await create()];
    expect((await api(method, `/api/v1/books/${book.id}`, { body: { isbn: other.isbn } })).status).toBe(409);
    expect((await api(method, `/api/v1/books/${book.id}`, { body: { isbn: book.isbn } })).status).toBe(200);
  });

  test("an update reports a broken rule before a taken ISBN", async () => {
    const [book, other] = [await create(), await create()];
    const { status } = await api(method, `/api/v1/books/${book.id}`, {
      body: { isbn: other.isbn, price: 0 },
    });
    expect(status).toBe(422);
  });

  test("an update of a missing book returns 404, or 422 if the body is invalid", async () => {
    const path = "/api/v1/books/00000000-0000-7000-8000-000000000000";
    expect((await api(method, path, { body: {} })).status).toBe(404);
    expect((await api(method, path, { body: { price: -1 } })).status).toBe(422);
    expect((await api(method, "/api/v1/books/1", { body: {} })).status).toBe(404);
  });

  test("no simultaneous update is lost", async () => {
    const book = await create();
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        api(method, `/api/v1/books/${book.id}`, { body: { title: `${at}` } }),
      ),
    );
    expect((await api("GET", `/api/v1/books/${book.id}`)).headers.get("ETag")).toBe(
      `"${book.id}.21.${BOOK_FORMAT}"`,
    );
  });

  test("an update that waited for another one applies on top of it, or fails its If-Match", async () => {
    const book = await create({ stock: 1 });
    const path = `/api/v1/books/${book.id}`;
    const release = await database.hold("update books set title = 'Changed meanwhile' where id = $1", [
      book.id,
    ]);
    const waiting = [
      api(method, path, { body: { stock: 9 } }),
      api(method, path, {
        body: { author: "Late" },
        headers: { "If-Match": `"${book.id}.1.${BOOK_FORMAT}"` },
      }),
    ] as const;
    await expect.poll(database.waiting, { timeout: 20_000 }).toBe(2);
    await release();
    const [changed, refused] = await Promise.all(waiting);
    expect(changed.json).toMatchObject({ title: "Changed meanwhile", stock: 9, author: book.author });
    expect(refused.status).toBe(412);
  });
});

test("PATCH accepts application/merge-patch+json, and PUT does not", async () => {
  const book = await create();
  const options = { raw: '{"stock":9}', headers: { "Content-Type": "application/merge-patch+json" } };
  expect((await api("PATCH", `/api/v1/books/${book.id}`, options)).json.stock).toBe(9);
  expect((await api("PUT", `/api/v1/books/${book.id}`, options)).status).toBe(415);
});

test("DELETE returns 204, then 404, and frees the ISBN", async () => {
  const book = await create();
  expect((await api("DELETE", `/api/v1/books/${book.id}`)).status).toBe(204);
  expect((await api("DELETE", `/api/v1/books/${book.id}`)).status).toBe(404);
  expect((await api("GET", `/api/v1/books/${book.id}`)).status).toBe(404);
  expect((await api("DELETE", "/api/v1/books/1")).status).toBe(404);
  expect((await create({ isbn: book.isbn })).id).not.toBe(book.id);
});

describe("the ledger", () => {
  const movements = (id: string) =>
    database.sql(
      "select delta, stock_after from stock_movements where book_id = $1 order by created_at, id",
      [id],
    );

  test("the ledger has a movement for every stock change, and no other", async () => {
    const book = await create({ stock: 5 });
    for (const body of [{ stock: 2 }, { title: "Other" }, { stock: 2 }, { stock: 10 }, { stock: 0 }]) {
      await api("PATCH", `/api/v1/books/${book.id}`, { body });
    }
    expect(await movements(book.id)).toEqual([
      { delta: 5, stock_after: 5 },
      { delta: -3, stock_after: 2 },
      { delta: 8, stock_after: 10 },
      { delta: -10, stock_after: 0 },
    ]);
    expect(await movements((await create({ stock: 0 })).id)).toEqual([]);
  });

  test("the movements of every book add up to its stock, after direct SQL too", async () => {
    await database.sql("update books set stock = stock + 1 where price > 0 and stock < 1000");
    const wrong = await database.sql(
      `select id from books b where stock <> (select coalesce(sum(delta), 0) from stock_movements where book_id = b.id)`,
    );
    expect(wrong).toEqual([]);
  });
});
