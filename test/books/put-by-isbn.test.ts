/** PUT of a book by its ISBN: creates or changes in one statement, on every runtime. */
import { beforeAll, describe, expect, test } from "vitest";
import { isbnOf, newBook } from "../support/books.ts";
import { type Answer, type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const MISSING = "00000000-0000-7000-8000-000000000000";

describe.each(RUNTIMES)("%s", (runtime) => {
  let api: Client;
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
    const { url } = await startServer(runtime, database, { AUTH_SECRET: SECRET });
    api = await createClient(url, await tokenFor("editor"));
  });

  const pathOf = (isbn: string) => `/api/v1/books/isbn/${encodeURIComponent(isbn)}`;
  const put = (isbn: string, body: object, headers: Record<string, string> = {}) =>
    api("PUT", pathOf(isbn), { body, headers });
  const tagOf = ({ headers }: Answer) => headers.get("ETag") as string;
  const detailsOf = ({ status, json }: Answer) => [
    status,
    json.details.map((detail: { in: string; path: string; code: string }) => [
      detail.in,
      detail.path,
      detail.code,
    ]),
  ];

  /** A book without its ISBN, and a way to put it. */
  function unknown(members: object = {}) {
    const { isbn, ...rest } = newBook();
    const body = { ...rest, ...members };
    return { isbn, body, put: (headers?: Record<string, string>) => put(isbn, body, headers) };
  }

  async function movementsOf(isbn: string) {
    const rows = await database.sql<{ delta: number }>(
      "select delta from stock_movements join books on books.id = book_id where books.isbn = $1 order by stock_movements.id",
      [isbn],
    );
    return rows.map(({ delta }) => delta);
  }

  test("an unknown ISBN creates a book as POST does", async () => {
    const { isbn, body, put } = unknown();
    const made = await put();
    const posted = await api("POST", "/api/v1/books", { body: newBook() });
    const { id, created_at, updated_at } = made.json;
    expect(made.status).toBe(201);
    expect(made.json).toEqual({ ...posted.json, ...body, isbn, id, created_at, updated_at });
    expect(made.headers.get("Location")).toBe(`/api/v1/books/${id}`);
    expect(tagOf(made)).toMatch(new RegExp(`^"${id}\\.1\\.`));
    expect((await api("GET", pathOf(isbn))).text).toBe(made.text);
    expect(await movementsOf(isbn)).toEqual([3]);
  });

  test("a known ISBN changes its book: members that are left out keep their values", async () => {
    const { isbn, put: create } = unknown({ description: "Sand.", subjects: ["Deserts"] });
    const made = await create();
    const changed = await put(isbn, { price: 4.5, stock: 5, description: null });
    const { updated_at } = changed.json;
    expect(changed.status).toBe(200);
    expect(changed.json).toEqual({ ...made.json, price: 4.5, stock: 5, description: null, updated_at });
    expect(tagOf(changed)).toMatch(/\.2\.\d+"$/);
    expect(changed.headers.get("Location")).toBeNull();
    expect(await movementsOf(isbn)).toEqual([3, 2]);
  });

  test("a request that changes nothing keeps version, updated_at and ledger", async () => {
    const { isbn, put: again } = unknown();
    const made = await again();
    for (const same of [await again(), await put(isbn, {}), await put(isbn, made.json)]) {
      expect([same.status, same.text, tagOf(same)]).toEqual([200, made.text, tagOf(made)]);
    }
    expect(await movementsOf(isbn)).toEqual([3]);
  });

  test("an ISBN may be written in any form, in path and body", async () => {
    const { body } = unknown();
    const made = await put("0-306-40615-2", { ...body, isbn: "ISBN-13: 978-0-306-40615-7 (pbk.)" });
    expect([made.status, made.json.isbn]).toEqual([201, "9780306406157"]);
    expect((await put('="9780306406157"', {})).text).toBe(made.text);
  });

  test("preconditions choose between creating and changing", async () => {
    const { isbn, body, put: create } = unknown();
    for (const tag of ["*", `"${MISSING}.1.2"`, 'W/"x"']) {
      expect((await create({ "If-Match": tag })).status, "If-Match on a missing book").toBe(404);
    }
    const made = await create({ "If-None-Match": "*" });
    expect(made.status).toBe(201);
    expect((await create({ "If-None-Match": "*" })).status).toBe(412);
    const changes = [
      [{ "If-Match": tagOf(made) }, 200],
      [{ "If-Match": tagOf(made) }, 412],
      [{ "If-Match": "*" }, 200],
      [{ "If-None-Match": tagOf(made) }, 200],
      [{ "If-Match": `"${MISSING}.4.2"` }, 412],
    ] as const;
    let price = 10;
    for (const [headers, status] of changes) {
      const before = (await api("GET", pathOf(isbn))).text;
      const answer = await put(isbn, { ...body, price: price++ }, headers);
      expect([headers, answer.status]).toEqual([headers, status]);
      if (status === 412) expect((await api("GET", pathOf(isbn))).text).toBe(before);
    }
    const current = tagOf(await api("GET", pathOf(isbn)));
    expect((await put(isbn, body, { "If-None-Match": current })).status).toBe(412);
    expect((await put(isbn, body, { "If-Match": "malformed" })).status).toBe(400);
  });

  test("a new book without required members is a 422 that names them all", async () => {
    const { isbn, put: create } = unknown();
    const required = (...names: string[]) => [422, names.map((name) => ["body", name, "required"])];
    expect(detailsOf(await put(isbn, {}))).toEqual(required("title", "author", "price"));
    expect(detailsOf(await put(isbn, { author: "A", stock: 1 }))).toEqual(required("title", "price"));
    expect((await put(isbn, {}, { "If-Match": "*" })).status).toBe(404);
    expect((await create()).status).toBe(201);
    expect((await put(isbn, { author: "A", stock: 1 })).status).toBe(200);
  });

  test("a 422 names the faults of path and body together", async () => {
    const faults = await put("978-0-306-40615-8", { price: -1, colour: "red", isbn: "1" });
    expect(detailsOf(faults)).toEqual([
      422,
      expect.arrayContaining([
        ["path", "isbn", "invalid_isbn"],
        ["body", "price", "out_of_range"],
        ["body", "colour", "unknown_field"],
        ["body", "isbn", "invalid_isbn"],
      ]),
    ]);
    const { isbn, body } = unknown();
    const other = await put(isbn, { ...body, isbn: isbnOf(1), price: -1 });
    expect(detailsOf(other)).toEqual([
      422,
      [
        ["body", "price", "out_of_range"],
        ["body", "isbn", "invalid_format"],
      ],
    ]);
    expect((await api("GET", pathOf(isbn))).status).toBe(404);
  });

  test.each([
    [{ price: 0 }, "zero_price_with_stock"],
    [{ title: "" }, "too_short"],
    [{ title: null }, "invalid_type"],
    [{ version: 2 }, "unknown_field"],
    [{ stock: 2_147_483_648 }, "out_of_range"],
  ])("%j is refused as by PATCH, on a new book and on a known one", async (members, code) => {
    const { isbn, body, put: create } = unknown();
    const [[path = ""] = []] = Object.entries(members);
    expect(detailsOf(await put(isbn, { ...body, ...members }))).toEqual([422, [["body", path, code]]]);
    const made = await create();
    const [patched, replaced] = [
      await api("PATCH", `/api/v1/books/${made.json.id}`, { body: members }),
      await put(isbn, members),
    ];
    expect([replaced.status, replaced.json.details]).toEqual([patched.status, patched.json.details]);
    expect((await api("GET", pathOf(isbn))).text).toBe(made.text);
  });

  test("of many simultaneous requests for a new ISBN one creates the book, and all succeed", async () => {
    for (let round = 0; round < 5; round++) {
      const { isbn, body } = unknown();
      const answers = await Promise.all(
        Array.from({ length: 24 }, (_, at) => put(isbn, { ...body, stock: at + 1 })),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([...Array(23).fill(200), 201]);
      expect(new Set(answers.map(({ json }) => json.id)).size).toBe(1);
      const { stock } = (await api("GET", pathOf(isbn))).json;
      expect((await movementsOf(isbn)).reduce((sum, delta) => sum + delta, 0)).toBe(stock);
    }
  });

  test("of many simultaneous requests that only create, one succeeds", async () => {
    const { put: create } = unknown();
    const answers = await Promise.all(Array.from({ length: 24 }, () => create({ "If-None-Match": "*" })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(23).fill(412)]);
  });

  test("simultaneous requests and deletions leave a whole book or none", async () => {
    const { isbn, put: create } = unknown();
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, at) => {
        if (at % 4 > 0) return create();
        const { json } = await api("GET", pathOf(isbn));
        return api("DELETE", `/api/v1/books/${json?.id ?? MISSING}`);
      }),
    );
    expect(
      answers.map(({ status }) => status).filter((status) => ![200, 201, 204, 404].includes(status)),
    ).toEqual([]);
  });

  test("a request that waits for another creation changes its book, by its own conditions", async () => {
    const insert = "insert into books (title, author, isbn, price, stock) values ('Held', 'A', $1, $2, 1)";
    const cases = [
      { body: { stock: 4 }, headers: {}, status: 200, stock: 4 },
      { body: {}, headers: { "If-None-Match": "*" }, status: 412, stock: 1 },
      { body: { price: 0, stock: 0 }, headers: {}, status: 200, stock: 0 },
      { body: { price: 0 }, headers: {}, status: 422, stock: 1 },
    ];
    for (const { body, headers, status, stock } of cases) {
      const { isbn, body: members } = unknown({ stock: 0 });
      const release = await database.hold(insert, [isbn, 5]);
      // Without a stock of its own, the request leaves that of the other book alone.
      const { stock: _, ...rest } = members as Record<string, unknown>;
      const answer = put(isbn, { ...rest, ...body }, headers);
      await expect.poll(() => database.waiting(), { timeout: 5000 }).toBe(1);
      await release();
      expect([body, (await answer).status]).toEqual([body, status]);
      expect((await api("GET", pathOf(isbn))).json.stock).toBe(stock);
    }
  });

  test("clerks may not put books", async () => {
    const headers = { Authorization: `Bearer ${await tokenFor("clerk")}` };
    expect((await put(isbnOf(7), {}, headers)).status).toBe(403);
  });
});
