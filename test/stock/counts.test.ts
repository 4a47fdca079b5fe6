/** Taking stock, over HTTP. */
import { beforeAll, describe, expect, test } from "vitest";
import { BOOK_FORMAT, isbnOf, newBook } from "../support/books.ts";
import { type Answer, type Client, createClient, type Options } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const MISSING = "00000000-0000-7000-8000-000000000000";
const MAX_STOCK = 2_147_483_647;

let editor: Client;
let clerk: Client;
let database: TestDatabase;

const create = async (members?: Record<string, unknown>) =>
  (await editor("POST", "/api/v1/books", { body: newBook(members) })).json;

const PATHS = [
  ["id", ({ id }: { id: string }) => `/api/v1/books/${id}/stock`],
  ["ISBN", ({ isbn }: { isbn: string }) => `/api/v1/books/isbn/${isbn}/stock`],
] as const;

const count = (path: string, body: object, options: Options = {}) => clerk("PUT", path, { body, ...options });

const movements = (id: string) =>
  database.sql(
    "select delta, stock_after, reason, reference from stock_movements where book_id = $1 order by created_at, id",
    [id],
  );

const outcome = ({ status, json }: Answer) => [
  status,
  ...(json.details ?? []).map(({ path, code }: { path: string; code: string }) => `${path} ${code}`),
];

describe.each(RUNTIMES)("%s", (runtime) => {
  beforeAll(async () => {
    database = await createTestDatabase();
    const { url } = await startServer(runtime, database, { AUTH_SECRET: SECRET });
    editor = await createClient(url, await tokenFor("editor"));
    clerk = await createClient(url, await tokenFor("clerk", "scanner"));
  });

  describe.each(PATHS)("by %s", (_, pathOf) => {
    test("a count sets the stock, returns the book, and leaves the difference as a movement", async () => {
      const book = await create({ stock: 5 });
      const path = pathOf(book);
      const { status, json, headers } = await count(path, {
        stock: 12,
        reason: "count",
        reference: "shelf 3",
      });
      expect([status, json]).toEqual([200, { ...book, stock: 12, updated_at: json.updated_at }]);
      expect(headers.get("ETag")).toBe(`"${book.id}.2.${BOOK_FORMAT}"`);
      expect(headers.get("Cache-Control")).toBe("no-cache, no-transform");
      await count(path, { stock: 0 });
      expect(await movements(book.id)).toEqual([
        { delta: 5, stock_after: 5, reason: null, reference: null },
        { delta: 7, stock_after: 12, reason: "count", reference: "shelf 3" },
        { delta: -12, stock_after: 0, reason: null, reference: null },
      ]);
    });

    test("a count of what is there changes nothing", async () => {
      const book = await create({ stock: 5 });
      const { json, headers } = await count(pathOf(book), { stock: 5, reason: "count" });
      expect([json, headers.get("ETag")]).toEqual([book, `"${book.id}.1.${BOOK_FORMAT}"`]);
      expect(await movements(book.id)).toHaveLength(1);
    });

    test("a count honours If-Match and If-None-Match", async () => {
      const book = await create({ stock: 5 });
      const path = pathOf(book);
      const current = `"${book.id}.1.${BOOK_FORMAT}"`;
      for (const headers of [
        { "If-Match": `"${book.id}.2.${BOOK_FORMAT}"` },
        { "If-Match": `W/${current}` },
        { "If-None-Match": "*" },
        { "If-None-Match": current },
      ])
        expect((await count(path, { stock: 6 }, { headers })).status).toBe(412);
      expect((await count(path, { stock: 6 }, { headers: { "If-Match": current } })).status).toBe(200);
      expect((await count(path, { stock: 7 }, { headers: { "If-Match": current } })).status).toBe(412);
      expect((await count(path, { stock: 7 }, { headers: { "If-Match": "*" } })).json.stock).toBe(7);
      expect((await count(path, { stock: 7 }, { headers: { "If-Match": "x" } })).json.error).toBe(
        "invalid_header",
      );
    });

    test("a free book has no stock", async () => {
      const book = await create({ stock: 0, price: 0 });
      expect(outcome(await count(pathOf(book), { stock: 1 }))).toEqual([422, "stock zero_price_with_stock"]);
      expect((await count(pathOf(book), { stock: 0 })).json).toEqual(book);
    });

    test("a count that waited for a sale sets the stock, and its movement is the difference", async () => {
      const book = await create({ stock: 5 });
      const release = await database.hold("update books set stock = 2 where id = $1", [book.id]);
      const counted = count(pathOf(book), { stock: 4 });
      await expect.poll(database.waiting, { timeout: 20_000 }).toBe(1);
      await release();
      expect((await counted).json.stock).toBe(4);
      expect((await movements(book.id)).at(-1)).toMatchObject({ delta: 2, stock_after: 4 });
    });

    test.each<[string, object, ...string[]]>([
      ["nothing", {}, "stock required"],
      ["null", { stock: null }, "stock invalid_type"],
      ["text", { stock: "1" }, "stock invalid_type"],
      ["a half", { stock: 0.5 }, "stock invalid_type"],
      ["less than 0", { stock: -1 }, "stock out_of_range"],
      ["more than the maximum", { stock: MAX_STOCK + 1 }, "stock out_of_range"],
      ["far more than the maximum", { stock: 1e300 }, "stock out_of_range"],
      ["an empty reason", { stock: 1, reason: "" }, "reason too_short"],
      ["a long reference", { stock: 1, reference: "a".repeat(101) }, "reference too_long"],
      ["a delta", { stock: 1, delta: 1 }, "delta unknown_field"],
      ["a whole book", { stock: 1, id: MISSING, title: "Dune" }, "id unknown_field", "title unknown_field"],
    ])("a count of %s is refused", async (_, body, ...faults) => {
      const path = pathOf({ id: MISSING, isbn: isbnOf(7) });
      const [status, ...found] = outcome(await count(path, body));
      expect([status, ...found.sort()]).toEqual([422, ...faults]);
    });
  });

  test("the maximum can be counted", async () => {
    const { id } = await create({ stock: 0 });
    expect((await count(`/api/v1/books/${id}/stock`, { stock: MAX_STOCK })).json.stock).toBe(MAX_STOCK);
  });

  test("a count of a missing book returns 404", async () => {
    const missing = ["1", MISSING, "isbn/1", `isbn/${isbnOf(7)}`, "isbn/9780486272635"];
    for (const name of missing) {
      const answer = await count(
        `/api/v1/books/${name}/stock`,
        { stock: 1 },
        { headers: { "If-Match": "*" } },
      );
      expect([name, answer.status]).toEqual([name, 404]);
    }
  });
});
