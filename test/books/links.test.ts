/** A Link header that would be too long for clients is left out; the cursors in the body remain. */
import { beforeAll, describe, expect, test } from "vitest";
import { createClient as createOctavo } from "../../src/client/index.ts";
import { isbnOf } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const MAX_LINK = 4096;
const TITLE = "東京物語集".repeat(51);
const AUTHOR = "日本放送出".repeat(51);

describe.each(RUNTIMES)("%s", (runtime) => {
  let url: string;
  let api: Client;

  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
    for (let number = 1; number <= 3; number++)
      await database.sql("insert into books (title, author, isbn, price) values ($1, $2, $3, 1)", [
        TITLE,
        AUTHOR,
        isbnOf(number),
      ]);
    await database.sql("insert into tasks (title) values ('One'), ('Other')");
    url = (await startServer(runtime, database, { AUTH_SECRET: SECRET })).url;
    api = await createClient(url, await tokenFor("clerk"));
  });

  /** Fetches all pages with `fetch`, which accepts 16 KiB of headers, and returns their ISBNs and Link headers. */
  async function walk(filters: Record<string, string>) {
    const isbns: string[] = [];
    const links: (string | null)[] = [];
    let cursor: string | null = null;
    do {
      const query = new URLSearchParams({ ...filters, limit: "1", sort: "title", ...(cursor && { cursor }) });
      const { headers, json } = await api("GET", `/api/v1/books?${query}`);
      isbns.push(...json.data.map(({ isbn }: { isbn: string }) => isbn));
      links.push(headers.get("Link"));
      cursor = json.next_cursor;
    } while (cursor && links.length < 9);
    return { isbns: isbns.sort(), links };
  }

  const ALL = [1, 2, 3].map(isbnOf).sort();

  test("a listing with the longest filters can be walked to its end", async () => {
    const [search, author] = [TITLE.slice(0, 200), AUTHOR.slice(0, 200)];
    expect(await walk({ search, author })).toEqual({ isbns: ALL, links: [null, null, null] });
    const isbns: string[] = [];
    const query = { search, author, sort: "title", limit: 1 } as const;
    for await (const { isbn } of createOctavo(url).books.list(query)) isbns.push(isbn);
    expect(isbns.sort()).toEqual(ALL);
  });

  test("the Link header is sent up to a length of 4 KiB", async () => {
    const lengths: number[] = [];
    for (let length = 60; length <= 90; length++) {
      const publisher = TITLE.slice(0, length);
      await database.sql("update books set publisher = $1", [publisher]);
      const { isbns, links } = await walk({ publisher });
      expect(isbns).toEqual(ALL);
      lengths.push(...links.filter((link) => link !== null).map((link) => link.length));
    }
    expect(Math.max(...lengths)).toBeLessThanOrEqual(MAX_LINK);
    // The middle page has three links, and each character of the filter adds nine bytes to a link.
    expect(Math.max(...lengths)).toBeGreaterThan(MAX_LINK - 27);
  });

  test("a Link header of tasks that is too long is left out", async () => {
    const { headers, json } = await api("GET", `/api/v1/tasks?limit=${"0".repeat(5_000)}1`);
    expect([json.data.length, headers.get("Link")]).toEqual([1, null]);
    expect(json.next_cursor).toEqual(expect.any(String));
  });
});
