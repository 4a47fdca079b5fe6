/** The list to reorder from: books by stock. */
import { beforeAll, describe, expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const STOCKS = [3, 0, 7, 4, 4, 12];

describe.each(RUNTIMES)("%s", (runtime) => {
  let api: Client;

  beforeAll(async () => {
    const server = await startServer(runtime, await createTestDatabase(), { AUTH_SECRET: SECRET });
    api = await createClient(server.url, await tokenFor("editor"));
    for (const stock of STOCKS) await api("POST", "/api/v1/books", { body: newBook({ stock }) });
  });

  const stocksOf = async (query: string): Promise<number[]> => {
    const { json } = await api("GET", `/api/v1/books?${query}`);
    return json.data.map(({ stock }: { stock: number }) => stock);
  };

  test.each([
    ["sort=stock", [0, 3, 4, 4, 7, 12]],
    ["sort=-stock", [12, 7, 4, 4, 3, 0]],
    ["sort=stock&stock_below=5", [0, 3, 4, 4]],
    ["sort=-stock&stock_below=5", [4, 4, 3, 0]],
    ["sort=stock&stock_below=5&in_stock=true", [3, 4, 4]],
    ["sort=stock&stock_below=0", []],
    ["sort=stock&stock_below=2147483647", [0, 3, 4, 4, 7, 12]],
    ["sort=stock&stock_below=5&page=2&limit=3", [4]],
    ["sort=stock&stock_below=5&search=dune", [0, 3, 4, 4]],
    ["sort=-stock&stock_below=5&search=dune&page=1&limit=2", [4, 4]],
    ["sort=stock&stock_below=5&author=herbert&in_stock=true", [3, 4, 4]],
  ])("%s", async (query, stocks) => {
    expect(await stocksOf(query)).toEqual(stocks);
  });

  test.each(["exact", "estimated"])("count=%s counts the books below", async (count) => {
    const { json } = await api("GET", `/api/v1/books?sort=stock&stock_below=5&limit=1&count=${count}`);
    expect(json.total).toBeGreaterThan(0);
    if (count === "exact") expect(json.total).toBe(4);
  });

  test("a book moves with each sale, and a walk goes on from where it was", async () => {
    const first = (await api("GET", "/api/v1/books?sort=stock&limit=2")).json;
    const [empty, low] = first.data;
    await api("POST", `/api/v1/books/${low.id}/stock`, { body: { delta: 2 } });
    await api("POST", `/api/v1/books/${empty.id}/stock`, { body: { delta: 1 } });
    expect(await stocksOf(`sort=stock&cursor=${first.next_cursor}`)).toEqual([4, 4, 5, 7, 12]);
    await api("POST", `/api/v1/books/${low.id}/stock`, { body: { delta: -2 } });
    await api("POST", `/api/v1/books/${empty.id}/stock`, { body: { delta: -1 } });
    expect(await stocksOf("sort=stock")).toEqual([0, 3, 4, 4, 7, 12]);
  });

  test("a cursor is bound to stock_below", async () => {
    const { next_cursor } = (await api("GET", "/api/v1/books?sort=stock&stock_below=5&limit=1")).json;
    expect(await stocksOf(`sort=stock&stock_below=5&cursor=${next_cursor}`)).toEqual([3, 4, 4]);
    const other = await api("GET", `/api/v1/books?sort=stock&stock_below=6&cursor=${next_cursor}`);
    expect(other.json).toMatchObject({ status: 400, error: "invalid_cursor" });
  });

  test("an export takes the order and the filter, too", async () => {
    const { text } = await api("GET", "/api/v1/books/export?format=ndjson&sort=-stock&stock_below=5");
    const stocks = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).stock);
    expect(stocks).toEqual([4, 4, 3, 0]);
  });

  test.each([
    ["stock_below=5", "invalid_format"],
    ["stock_below=5&sort=title", "invalid_format"],
    ["stock_below=5&search=dune", "invalid_format"],
    ["stock_below=-1&sort=stock", "invalid_type"],
    ["stock_below=1.5&sort=stock", "invalid_type"],
    ["stock_below=&sort=stock", "invalid_type"],
    ["stock_below=%2B5&sort=stock", "invalid_type"],
    ["stock_below=2147483648&sort=stock", "out_of_range"],
    ["stock_below=1&stock_below=2&sort=stock", "invalid_format"],
  ])("%s is a 422, in the listing and in the export", async (query, code) => {
    for (const path of ["/api/v1/books", "/api/v1/books/export"]) {
      const { json } = await api("GET", `${path}?${query}`);
      expect(json).toMatchObject({ status: 422, details: [{ in: "query", path: "stock_below", code }] });
    }
  });
});
