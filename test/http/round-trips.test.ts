/**
 * One database round trip per request, counted on the wire: a proxy between the app and its database counts how often
 * the app waits for a response.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { type Link, startProxy } from "../support/proxy.ts";
import { goodRequest, operationsOf } from "../support/requests.ts";
import { databaseOf, RUNTIMES, startServer, type TestServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

let count = 0;
/** The data that the app sent in its last round trip. */
let last = "";

/** How long responses are delayed, so that everything that does not wait for them is sent meanwhile. */
const HELD_MS = 20;

function counting({ near, far }: Link): void {
  let answered = true;
  near.on("data", (data) => {
    if (answered) {
      count++;
      last = "";
    }
    answered = false;
    last += data;
    far.write(data);
  });
  far.on("data", (data) =>
    setTimeout(() => {
      answered = true;
      near.write(data);
    }, HELD_MS),
  );
}

/** How the drivers declare a transaction read-only. */
const READ_ONLY = /^neon-batch-read-only: true$|begin .*read only/im;

const MISSING = "00000000-0000-7000-8000-000000000000";

/** Requests that differ in what they ask of the database. `ID` stands for an existing resource. */
const REQUESTS: [
  method: string,
  path: string,
  trips: number,
  body?: unknown,
  headers?: Record<string, string>,
][] = [
  ["GET", "/health", 0],
  ["GET", "/ready", 1],
  ["GET", "/openapi.json", 0],
  ["GET", "/openapi.yaml", 0],
  ["GET", "/.well-known/api-catalog", 0],
  ["GET", "/docs", 0],
  ["GET", "/docs/start.js", 0],
  ["GET", "/problems/conflict", 0],
  ["GET", "/", 1],
  ["GET", "/?search=dune&in_stock=true", 1],
  ["GET", "/?min_price=x", 0],
  ["GET", "/books/9780306406157", 1],
  ["GET", "/books/x", 0],
  ["GET", "/robots.txt", 0],
  ["GET", "/sitemap.xml", 1],
  ["GET", `/sitemaps/${MISSING}.xml`, 1],
  ["GET", "/api/v1/books?count=exact", 1],
  ["GET", "/api/v1/books?count=estimated&search=dune", 1],
  ["GET", "/api/v1/books?page=2&limit=1", 1],
  ["GET", "/api/v1/books?limit=0", 0],
  ["POST", "/api/v1/books", 0, {}],
  ["GET", `/api/v1/books/${MISSING}`, 1],
  ["GET", "/api/v1/books/isbn/9780306406157", 1],
  ["PATCH", "/api/v1/books/ID", 1, { stock: 7 }],
  ["PATCH", "/api/v1/books/ID", 1, {}],
  ["PATCH", "/api/v1/books/ID", 1, { stock: 8 }, { "If-Match": '"stale"' }],
  ["PUT", "/api/v1/books/ID", 1, { title: "Other", stock: 1 }],
  ["PUT", `/api/v1/books/${MISSING}`, 1, { title: "Other" }],
  ["PUT", "/api/v1/books/isbn/9780306406157", 1, { title: "New", author: "Somebody", price: 5, stock: 1 }],
  ["PUT", "/api/v1/books/isbn/9780306406157", 1, { stock: 2 }],
  ["PUT", "/api/v1/books/isbn/9780306406157", 1, {}, { "If-None-Match": "*" }],
  ["PUT", "/api/v1/books/isbn/9780486272634", 1, { title: "Incomplete" }],
  ["PUT", "/api/v1/books/isbn/9780486272634", 1, {}, { "If-Match": "*" }],
  ["PUT", "/api/v1/books/isbn/1", 0, {}],
  ["POST", "/api/v1/books/ID/stock", 1, { delta: -1, reason: "sale" }],
  ["POST", "/api/v1/books/ID/stock", 1, { delta: -9 }],
  ["POST", "/api/v1/books/ID/stock", 0, { delta: 0 }],
  ["POST", `/api/v1/books/${MISSING}/stock`, 1, { delta: 1 }],
  ["PUT", "/api/v1/books/ID/stock", 1, { stock: 9, reason: "count" }],
  ["PUT", "/api/v1/books/ID/stock", 1, { stock: 9 }, { "If-Match": '"stale"' }],
  ["PUT", "/api/v1/books/isbn/9780306406157/stock", 1, { stock: 9 }],
  ["PUT", "/api/v1/books/isbn/1/stock", 0, { stock: 9 }],
  ["POST", "/api/v1/stock", 1, { lines: [{ isbn: "9780306406157", delta: 1 }] }],
  ["POST", "/api/v1/stock", 1, { lines: [{ isbn: "9780306406157", delta: -99 }] }],
  ["POST", "/api/v1/stock", 1, { lines: [{ id: MISSING, delta: 1 }] }],
  ["POST", "/api/v1/stock", 0, { lines: [] }],
  ["GET", `/api/v1/books/${MISSING}/stock/movements`, 1],
  ["GET", "/api/v1/stock/movements", 1],
  ["GET", "/api/v1/stock/movements?reason=sale&since=2026-01-01T00:00:00Z", 1],
];

describe.each(RUNTIMES)("%s", (runtime) => {
  let api: Client;
  let server: TestServer;

  beforeAll(async () => {
    const database = await createTestDatabase();
    const { variable, url } = databaseOf(runtime, database);
    server = await startServer(runtime, database, {
      AUTH_SECRET: SECRET,
      [variable]: (await startProxy(url, { join: counting })).url,
      // With a single connection, none is opened while the proxy counts.
      DATABASE_POOL_SIZE: "1",
    });
    api = await createClient(server.url, await tokenFor("admin"));
    await api("GET", "/ready");
  });

  test.each(REQUESTS)("%s %s takes %i database round trips", async (method, path, trips, body, headers) => {
    const made = await api("POST", "/api/v1/books", { body: newBook() });
    count = 0;
    await api(method, path.replace("ID", made.json.id), { body, ...(headers && { headers }) });
    expect(count).toBe(trips);
  });

  test("a request with a key takes 1 database round trip, whatever its outcome", async () => {
    const book = newBook({ stock: 2 });
    const { id } = (await api("POST", "/api/v1/books", { body: newBook({ stock: 2 }) })).json;
    const stock = `/api/v1/books/${id}/stock`;
    const requests: [key: string, path: string, body: unknown, status: number][] = [
      ["book", "/api/v1/books", book, 201],
      ["book", "/api/v1/books", book, 201],
      ["book", "/api/v1/books", { ...book, stock: 0 }, 422],
      ["isbn", "/api/v1/books", book, 409],
      ["task", "/api/v1/tasks", { title: "Dust" }, 201],
      ["task", "/api/v1/tasks", { title: "Dust" }, 201],
      ["sale", stock, { delta: -2 }, 200],
      ["sale", stock, { delta: -2 }, 200],
      ["none", stock, { delta: -2 }, 409],
      ["over", stock, { delta: 2_147_483_647 }, 200],
      ["more", stock, { delta: 1 }, 422],
      ["receipt", "/api/v1/stock", { lines: [{ id, delta: -1 }] }, 200],
      ["receipt", "/api/v1/stock", { lines: [{ id, delta: -1 }] }, 200],
      ["unknown", "/api/v1/stock", { lines: [{ id: MISSING, delta: -1 }] }, 422],
      ["away", `/api/v1/books/${MISSING}/stock`, { delta: 1 }, 404],
    ];
    for (const [key, path, body, status] of requests) {
      count = 0;
      const answer = await api("POST", path, { body, headers: { "Idempotency-Key": key } });
      expect([key, answer.status, count]).toEqual([key, status, 1]);
      expect(last).not.toMatch(READ_ONLY);
    }
  });

  test.each(["count=exact", "count=estimated", "page=1"])(
    "a listing with %s is a read-only transaction",
    async (query) => {
      await api("GET", `/api/v1/books?${query}`);
      expect(last).toMatch(READ_ONLY);
    },
  );

  test("every operation on data takes one database round trip", async () => {
    const operations = operationsOf((await api("GET", "/openapi.json")).json);
    for (const operation of operations.filter(({ path }) => path.startsWith("/api/"))) {
      const { path, body } = await goodRequest(operation, api);
      count = 0;
      const { status } = await api(operation.method, path, { body });
      expect([operation.name, status < 300, count]).toEqual([operation.name, true, 1]);
    }
  });

  test("the log reports the counted round trips", async () => {
    await api("GET", "/api/v1/books?count=exact");
    const event = () => JSON.parse(server.logs().at(-1) ?? "{}");
    await expect.poll(event).toMatchObject({ route: "/api/v1/books", db_round_trips: 1, status: 200 });
  });
});
