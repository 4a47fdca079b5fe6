/** Pages that several requests share: each response has the links of its own request. */
import { beforeAll, describe, expect, test } from "vitest";
import { isbnOf } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

describe.each(["node", "bun"] as const)("%s", (runtime) => {
  let api: Client;
  let database: TestDatabase;
  let id: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    const { url } = await startServer(runtime, database, { AUTH_SECRET: SECRET });
    api = await createClient(url, await tokenFor("admin"));
    await database.sql(
      "insert into books (title, author, isbn, price, stock) select 'T', 'A', isbn, 1, 1 from unnest($1::text[]) as isbn",
      [[1, 2, 3, 4, 5, 6].map(isbnOf)],
    );
    await database.sql("insert into tasks (title) select 'T' from generate_series(1, 6)");
    const [book] = await database.sql<{ id: string }>("select id from books limit 1");
    id = book?.id as string;
    for (let stock = 2; stock < 7; stock++)
      await database.sql("update books set stock = $1 where id = $2", [stock, id]);
  });

  const links = async (url: string) =>
    [...((await api("GET", url)).headers.get("Link") ?? "").matchAll(/<(.*?)>; rel="(\w+)"/g)].map(
      ([, target, rel]) => `${rel} ${target?.replace(/&cursor=[\w-]+/, "")}`,
    );

  test.each([
    ["/api/v1/books", ["limit=2", "limit=02", "limit=2&sort=-created_at", "sort=-created_at&limit=2"]],
    ["/api/v1/books", ["limit=2&sort=price", "sort=price&limit=2", "sort=price&limit=002"]],
    ["/api/v1/tasks", ["limit=2", "limit=02", "limit=002"]],
    ["/api/v1/books/ID/stock/movements", ["limit=2", "limit=02", "limit=002"]],
  ])("simultaneous requests for one page of %s each get their own links: %j", async (path, queries) => {
    const urls = queries.map((query) => `${path.replace("ID", id)}?${query}`);
    const { next_cursor } = (await api("GET", urls[0] as string)).json;
    for (const [cursor, rels] of [
      ["", ["next", "first"]],
      [`&cursor=${next_cursor}`, ["next", "prev", "first"]],
    ] as const) {
      // While one request waits, the others gather and share the next query.
      const release = await database.hold("lock table books, tasks in access exclusive mode");
      const waiting = [links(urls[0] + cursor)];
      await expect.poll(database.waiting, { message: "queries under way" }).toBe(1);
      for (const url of urls) waiting.push(links(url + cursor));
      // Once this response arrives, the server has read the other requests.
      await api("GET", "/health");
      await release();
      expect(await Promise.all(waiting)).toEqual(
        [urls[0], ...urls].map((url) => rels.map((rel) => `${rel} ${url}`)),
      );
    }
  });
});
