/** Stock changes and the ledger of stock movements, over HTTP. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { connectOver, direct } from "../../src/db/connection.ts";
import type { Statement } from "../../src/db/statements.ts";
import { adjustStock } from "../../src/stock/store.ts";
import { BOOK_FORMAT, newBook } from "../support/books.ts";
import { type Client, createClient, type Options } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";
import { pagesOf } from "../support/walk.ts";

const MISSING = "00000000-0000-7000-8000-000000000000";
const MAX_STOCK = 2_147_483_647;

let api: Client;
let database: TestDatabase;

const create = async (members?: Record<string, unknown>) =>
  (await api("POST", "/api/v1/books", { body: newBook(members) })).json;

const adjust = (id: string, body: Record<string, unknown>, options: Options = {}) =>
  api("POST", `/api/v1/books/${id}/stock`, { body, ...options });

const read = async (id: string) => (await api("GET", `/api/v1/books/${id}`)).json;

/** The movements of a book, oldest first. */
const ledger = (id: string) =>
  database.sql<{ delta: number; stock_after: number; reason: string | null }>(
    "select delta, stock_after, reason from stock_movements where book_id = $1 order by created_at, id",
    [id],
  );

describe.each(RUNTIMES)("%s", (runtime) => {
  beforeAll(async () => {
    database = await createTestDatabase();
    const { url } = await startServer(runtime, database, { AUTH_SECRET: SECRET });
    api = await createClient(url, await tokenFor("editor"));
  });

  describe("a change of stock", () => {
    test("a stock change returns 200 with the book and its new version", async () => {
      const book = await create({ stock: 5 });
      const { status, json, headers } = await adjust(book.id, { delta: -2, reason: "sale" });
      expect(status).toBe(200);
      expect(json).toEqual({ ...book, stock: 3, updated_at: json.updated_at });
      expect(json.updated_at > book.updated_at, `${json.updated_at} is later than ${book.updated_at}`).toBe(
        true,
      );
      expect(headers.get("ETag")).toBe(`"${book.id}.2.${BOOK_FORMAT}"`);
      expect(headers.get("Cache-Control")).toBe("no-cache, no-transform");
      expect(headers.get("Location")).toBeNull();
      expect(await read(book.id)).toEqual(json);
    });

    test("a stock change can reach 0 and the maximum, and cannot exceed either", async () => {
      const { id } = await create({ stock: 1 });
      for (const [delta, status, stock] of [
        [-1, 200, 0],
        [-1, 409, 0],
        [MAX_STOCK, 200, MAX_STOCK],
        [1, 422, MAX_STOCK],
        [MAX_STOCK, 422, MAX_STOCK],
        [-MAX_STOCK - 1, 409, MAX_STOCK],
        [-MAX_STOCK, 200, 0],
        [-MAX_STOCK - 1, 409, 0],
      ] as const) {
        expect([delta, (await adjust(id, { delta })).status]).toEqual([delta, status]);
        expect((await read(id)).stock).toBe(stock);
      }
    });

    test("a stock change below zero returns 409 with the available stock, and changes nothing", async () => {
      const book = await create({ stock: 3 });
      const { status, json, headers } = await adjust(book.id, { delta: -4, reason: "sale" });
      expect(status).toBe(409);
      expect(Object.keys(json)).toEqual([
        "type",
        "title",
        "status",
        "error",
        "message",
        "detail",
        "request_id",
        "available",
      ]);
      expect(json).toMatchObject({
        type: "/problems/insufficient_stock",
        error: "insufficient_stock",
        available: 3,
      });
      expect(headers.get("ETag")).toBeNull();
      expect(await read(book.id)).toEqual(book);
      expect(await ledger(book.id)).toHaveLength(1);
    });

    test("a stock change above the maximum returns 422", async () => {
      const { id } = await create({ stock: 10 });
      const { status, json } = await adjust(id, { delta: MAX_STOCK - 9 });
      expect([status, json.error]).toEqual([422, "validation_failed"]);
      expect(json.details).toMatchObject([{ in: "body", path: "delta", code: "out_of_range" }]);
    });

    test("a stock change that would give stock to a free book returns 422", async () => {
      const book = await create({ price: 0, stock: 0 });
      const { status, json } = await adjust(book.id, { delta: 1 });
      expect([status, json.error]).toEqual([422, "validation_failed"]);
      expect(json.details).toMatchObject([{ in: "body", path: "delta", code: "zero_price_with_stock" }]);
      expect(await adjust(book.id, { delta: -1 })).toMatchObject({ status: 409, json: { available: 0 } });
      expect(await read(book.id)).toEqual(book);
    });

    test("a stock change of a missing book returns 404, or 422 if the body is invalid", async () => {
      for (const id of [MISSING, "1"]) {
        const { status, json } = await adjust(id, { delta: 1 });
        expect([status, json.error]).toEqual([404, "not_found"]);
      }
      expect((await adjust(MISSING, { delta: 0 })).status).toBe(422);
    });

    test("a stock change ignores preconditions, because its target is not the book", async () => {
      const { id } = await create({ stock: 5 });
      for (const headers of [
        { "If-Match": `"${id}.9"` },
        { "If-None-Match": "*" },
        { "If-Match": "malformed" },
      ]) {
        expect((await adjust(id, { delta: -1 }, { headers })).status).toBe(200);
      }
    });

    test("simultaneous stock changes never oversell", async () => {
      const { id } = await create({ stock: 12 });
      const answers = await Promise.all(Array.from({ length: 20 }, () => adjust(id, { delta: -1 })));
      const stocks = answers.filter(({ status }) => status === 200).map(({ json }) => json.stock);
      expect(stocks.sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, stock) => stock));
      const refused = answers.filter(({ status }) => status === 409).map(({ json }) => json.available);
      expect(refused).toEqual(Array(8).fill(0));
    });

    test("a stock change that waited for another one is checked against the new stock", async () => {
      const { id } = await create({ stock: 5 });
      const release = await database.hold("update books set stock = 2 where id = $1", [id]);
      const waiting = [adjust(id, { delta: -4 }), adjust(id, { delta: MAX_STOCK - 2 })] as const;
      await expect.poll(database.waiting, { timeout: 20_000 }).toBe(2);
      await release();
      const [taken, added] = await Promise.all(waiting);
      // Either request may reach Postgres first.
      expect([taken.status, taken.json.available ?? taken.json.stock, added.json.stock]).toEqual(
        taken.status === 409 ? [409, 2, MAX_STOCK] : [200, MAX_STOCK - 4, MAX_STOCK],
      );
    });
  });

  describe("the ledger", () => {
    test("a movement has the reason of its own change, normalised and trimmed", async () => {
      const { id } = await create({ stock: 9 });
      await adjust(id, { delta: -1, reason: "  Cafe\u0301 sale " });
      await adjust(id, { delta: -1 });
      await adjust(id, { delta: 1, reason: "𝔸".repeat(100) });
      await api("PATCH", `/api/v1/books/${id}`, { body: { stock: 20 } });
      await adjust(id, { delta: -100, reason: "refused" });
      await api("PUT", `/api/v1/books/${id}`, { body: { stock: 30 } });
      await adjust(id, { delta: 1, reason: null });
      expect(await ledger(id)).toEqual([
        { delta: 9, stock_after: 9, reason: null },
        { delta: -1, stock_after: 8, reason: "Caf\u00e9 sale" },
        { delta: -1, stock_after: 7, reason: null },
        { delta: 1, stock_after: 8, reason: "𝔸".repeat(100) },
        { delta: 12, stock_after: 20, reason: null },
        { delta: 10, stock_after: 30, reason: null },
        { delta: 1, stock_after: 31, reason: null },
      ]);
    });

    test("a movement does not take the reason of another one in the same transaction", async () => {
      const { id } = await create({ stock: 5 });
      const client = await database.connect();
      const query = async ({ text, values }: Statement) => {
        return (await client.query(text, values)).rows;
      };
      const inTransaction = connectOver(direct({ query, batch: () => Promise.reject() }))(60_000);
      const byHand = "update books set stock = stock + 1 where id = $1";
      await client.query("begin");
      await adjustStock(
        inTransaction,
        id,
        { delta: -1, reason: "sale", reference: null },
        "clerk",
        undefined,
      );
      await client.query(byHand, [id]);
      await expect(
        adjustStock(
          inTransaction,
          id,
          { delta: -99, reason: "refused", reference: null },
          "clerk",
          undefined,
        ),
      ).rejects.toMatchObject({ refusal: "insufficient", available: 5 });
      await client.query(byHand, [id]);
      await adjustStock(inTransaction, id, { delta: 1, reason: null, reference: null }, "clerk", undefined);
      await client.query("commit");
      await client.query(byHand, [id]);
      await client.end();
      expect((await ledger(id)).map(({ reason }) => reason)).toEqual([null, "sale", null, null, null, null]);
    });

    test("the movements add up to the stock after every history of changes", async () => {
      const stock = fc.nat(20);
      const delta = fc.integer({ min: -15, max: 15 }).filter((delta) => delta !== 0);
      const step = fc.oneof(
        fc.record({ method: fc.constantFrom("PATCH", "PUT"), body: fc.record({ stock }) }),
        fc.record({
          method: fc.constant("POST"),
          body: fc.record({ delta, reason: fc.option(fc.constantFrom("sale", "delivery")) }),
        }),
        fc.record({ method: fc.constant("psql"), body: fc.record({ stock }) }),
      );
      await fc.assert(
        fc.asyncProperty(stock, fc.array(step, { maxLength: 8 }), async (first, steps) => {
          const { id } = await create({ stock: first });
          let stock = first;
          const movements = [{ delta: first, reason: null as string | null }];
          for (const { method, body } of steps) {
            const reason = ("reason" in body && body.reason) || null;
            const wanted = "stock" in body ? body.stock : stock + body.delta;
            if (method === "psql")
              await database.sql("update books set stock = $2 where id = $1", [id, wanted]);
            else {
              const path = `/api/v1/books/${id}${method === "POST" ? "/stock" : ""}`;
              const { status, json } = await api(method, path, { body });
              expect([status, json.available]).toEqual(wanted < 0 ? [409, stock] : [200, undefined]);
            }
            if (wanted < 0) continue;
            movements.push({ delta: wanted - stock, reason });
            stock = wanted;
          }
          const kept = await ledger(id);
          expect((await read(id)).stock).toBe(stock);
          expect(kept.map(({ delta, reason }) => ({ delta, reason }))).toEqual(
            movements.filter(({ delta }) => delta !== 0),
          );
          let sum = 0;
          for (const { delta, stock_after } of kept) {
            sum += delta;
            expect(stock_after).toBe(sum);
          }
          expect(sum).toBe(stock);
        }),
        { numRuns: 20 },
      );
    });
  });

  describe("the list of movements", () => {
    const list = (id: string, query = "") => api("GET", `/api/v1/books/${id}/stock/movements${query}`);

    test("the list of movements has the newest first, each with all members", async () => {
      const { id } = await create({ stock: 5 });
      await adjust(id, { delta: -2, reason: "sale" });
      const { status, json, headers } = await list(id);
      expect(status).toBe(200);
      expect(Object.keys(json.data[0])).toEqual([
        "id",
        "book_id",
        "isbn",
        "delta",
        "stock_after",
        "reason",
        "reference",
        "actor",
        "created_at",
      ]);
      expect(json).toMatchObject({
        data: [
          { book_id: id, delta: -2, stock_after: 3, reason: "sale" },
          { book_id: id, delta: 5, stock_after: 5, reason: null },
        ],
        limit: 20,
        next_cursor: null,
        prev_cursor: null,
      });
      expect(json.data[0].created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      expect(headers.get("Cache-Control")).toBe("no-store");
      expect(headers.get("Link")).toBe(`</api/v1/books/${id}/stock/movements>; rel="first"`);
    });

    test("the list of movements orders changes by when they are made, not by when their transactions began", async () => {
      const { id } = await create({ stock: 5 });
      const early = await database.connect();
      await early.query("begin");
      await adjust(id, { delta: -1 });
      await early.query("update books set stock = stock - 1 where id = $1", [id]);
      await early.query("commit");
      await early.end();
      const { json } = await list(id);
      expect(json.data.map((movement: { stock_after: number }) => movement.stock_after)).toEqual([3, 4, 5]);
    });

    test("the list of movements is empty for a book that never had stock", async () => {
      const { id } = await create({ stock: 0 });
      const { status, json } = await list(id);
      expect([status, json.data, json.next_cursor, json.prev_cursor]).toEqual([200, [], null, null]);
    });

    test("the list of movements outlives its book, and ends with the closing movement", async () => {
      const { id, isbn } = await create({ stock: 3 });
      await adjust(id, { delta: 1 });
      const { next_cursor } = (await list(id, "?limit=1")).json;
      await api("DELETE", `/api/v1/books/${id}`);
      const { status, json } = await list(id);
      expect(status).toBe(200);
      expect(json.data).toMatchObject([
        { isbn, delta: -4, stock_after: 0, reason: "deleted", reference: null, actor: "tester" },
        { isbn, delta: 1, stock_after: 4 },
        { isbn, delta: 3, stock_after: 3 },
      ]);
      expect((await list(id, `?limit=1&cursor=${next_cursor}`)).json.data).toEqual(json.data.slice(2));
    });

    test("the list of movements returns 404 for a book that is missing, or was deleted without a movement", async () => {
      const { id } = await create({ stock: 0 });
      await api("DELETE", `/api/v1/books/${id}`);
      for (const missing of [id, MISSING, "1"]) expect((await list(missing)).status).toBe(404);
    });

    test("the list of movements can be walked in both directions while movements are added", async () => {
      const { id } = await create({ stock: 0 });
      const other = await create({ stock: 1 });
      await database.sql(
        `insert into stock_movements (book_id, delta, stock_after, created_at)
       select $1, 1, n, '2026-01-01'::timestamptz + n / 3 * interval '1 microsecond' from generate_series(1, 10) n`,
        [id],
      );
      const rows = await database.sql<{ id: string }>(
        "select id from stock_movements where book_id = $1 order by created_at desc, id desc",
        [id],
      );
      const expected = rows.map(({ id }) => id);
      for (const limit of [1, 3, 10]) {
        const page = async (cursor?: string) => {
          const { status, json } = await list(id, `?limit=${limit}${cursor ? `&cursor=${cursor}` : ""}`);
          expect(status).toBe(200);
          return json;
        };
        const ids = ({ data }: { data: { id: string }[] }) => data.map((row) => row.id);
        const first = await page();
        await adjust(id, { delta: 1 });
        const there = await pagesOf(first, ({ next_cursor }) => next_cursor && page(next_cursor));
        // The walk may also contain movements that are newer than the ten.
        expect(there.flatMap(ids).filter((id) => expected.includes(id))).toEqual(expected);
        const back = await pagesOf(there.at(-1), ({ prev_cursor }) => prev_cursor && page(prev_cursor));
        const backwards = back.reverse().flatMap(ids);
        expect(backwards.filter((id) => expected.includes(id))).toEqual(expected);
        expect(new Set(backwards).size).toBe(backwards.length);
      }
      const { next_cursor } = (await list(id, "?limit=1")).json;
      const foreign = await list(other.id, `?limit=1&cursor=${next_cursor}`);
      expect([foreign.status, foreign.json.error]).toEqual([400, "invalid_cursor"]);
    });
  });
});
