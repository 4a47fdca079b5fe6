/** The feed on every runtime: what pages hold, and which cursors it refuses. */
import { beforeAll, describe, expect, test } from "vitest";
import { CursorSeal } from "../../src/http/cursor.ts";
import { newBook } from "../support/books.ts";
import { type Answer, type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";
import { pagesOf } from "../support/walk.ts";

const KEY = "a key of the tests for cursors, 32 bytes";
const variables = { AUTH_SECRET: SECRET, CURSOR_KEY: KEY };
const FEED = "/api/v1/changes";

describe.each(RUNTIMES)("%s", (runtime) => {
  let database: TestDatabase;
  let api: Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    api = await createClient((await startServer(runtime, database, variables)).url, await tokenFor("admin"));
  });

  const ask = (cursor?: string, query = "") =>
    api("GET", `${FEED}?${query}${cursor === undefined ? "" : `&cursor=${cursor}`}`);

  /** The pages from a cursor on, to the end. */
  async function follow(cursor?: string, query = ""): Promise<Answer["json"][]> {
    const first = (await ask(cursor, query)).json;
    return pagesOf(first, (page) => page.more && ask(page.next_cursor, query).then(({ json }) => json));
  }

  /** A cursor that has seen everything. */
  const latest = async () => (await follow()).at(-1).next_cursor as string;

  const add = async (members = {}) => (await api("POST", "/api/v1/books", { body: newBook(members) })).json;

  test("a cursor leads to each book that has changed since, once, as it is now", async () => {
    const book = await add();
    const cursor = await latest();
    await api("PATCH", `/api/v1/books/${book.id}`, { body: { title: "Arrakis" } });
    const sold = await api("POST", `/api/v1/books/${book.id}/stock`, { body: { delta: -1 } });
    const other = await add();
    const { json } = await ask(cursor);
    expect(json).toEqual({
      data: [
        {
          id: book.id,
          isbn: book.isbn,
          kind: "changed",
          version: 3,
          book: sold.json,
          changed_at: sold.json.updated_at,
        },
        {
          id: other.id,
          isbn: other.isbn,
          kind: "changed",
          version: 1,
          book: other,
          changed_at: other.updated_at,
        },
      ],
      next_cursor: expect.any(String),
      more: false,
      complete_to: expect.any(String),
    });
    expect(json.complete_to >= other.updated_at).toBe(true);
    expect((await ask(json.next_cursor)).json.data).toEqual([]);
  });

  test("a deleted book comes as a deletion, with the version after its last", async () => {
    const book = await add();
    const cursor = await latest();
    await api("DELETE", `/api/v1/books/${book.id}`);
    const { data } = (await ask(cursor)).json;
    const deletion = { id: book.id, isbn: book.isbn, kind: "deleted", version: 2, book: null };
    expect(data).toEqual([{ ...deletion, changed_at: expect.any(String) }]);
    expect(data[0].changed_at > book.updated_at).toBe(true);
  });

  test("an update that changes nothing is no change", async () => {
    const book = await add();
    const cursor = await latest();
    await api("PATCH", `/api/v1/books/${book.id}`, { body: { title: book.title } });
    expect((await ask(cursor)).json).toMatchObject({ data: [], more: false });
  });

  test.each(["a page without changes", "a page with changes"])(
    "while nothing changes, %s is 304",
    async (page) => {
      let cursor = await latest();
      await add();
      if (page === "a page without changes") cursor = await latest();
      const first = await ask(cursor);
      const ETag = `${first.headers.get("ETag")}`;
      const again = await api("GET", `${FEED}?cursor=${cursor}`, { headers: { "If-None-Match": ETag } });
      expect([again.status, again.text, again.headers.get("ETag")]).toEqual([304, "", ETag]);
      await add();
      const later = await api("GET", `${FEED}?cursor=${cursor}`, { headers: { "If-None-Match": ETag } });
      expect([later.status, later.json.data.length]).toEqual([200, first.json.data.length + 1]);
      const failed = await api("GET", `${FEED}?cursor=${cursor}`, { headers: { "If-Match": ETag } });
      expect(failed.json).toMatchObject({ status: 412, error: "precondition_failed" });
    },
  );

  test("pages of any size hold the same changes", async () => {
    const cursor = await latest();
    const ids = [];
    for (let number = 0; number < 5; number++) ids.push((await add()).id);
    // Of one transaction, by id.
    await database.sql("update books set pages = 7 where id = any ($1)", [ids.slice(0, 4)]);
    const expected = [ids[4], ...ids.slice(0, 4).sort()];
    for (const limit of [1, 2, 4, 5, 6, 9999]) {
      const pages = await follow(cursor, `limit=${limit}`);
      expect(pages.flatMap(({ data }) => data.map((change: { id: string }) => change.id))).toEqual(expected);
      for (const { data } of pages) expect(data.length).toBeLessThanOrEqual(limit);
      // What came during the pages would follow on another.
      expect(pages.at(-1).data.length, "the last page").toBe(limit < 5 ? 0 : 5);
    }
  });

  test("a page ends at 4 MiB", async () => {
    const cursor = await latest();
    const [{ count } = { count: 0 }] = await database.sql<{ count: number }>(
      `with added as (insert into books (title, author, isbn, price, description)
         select 'Long', 'A', '9791' || lpad(n::text, 9, '0'), 1, repeat('€', 10000) from generate_series(1, 200) n returning 1)
       select count(*)::int from added`,
    );
    const pages = await follow(cursor, "limit=5000");
    expect(pages.flatMap(({ data }) => data)).toHaveLength(count);
    const sizes = pages.slice(0, -2).map((page) => Buffer.byteLength(JSON.stringify(page.data)));
    expect(sizes.length).toBeGreaterThan(0);
    for (const size of sizes) {
      expect(size).toBeLessThanOrEqual(4 * 1024 * 1024);
      expect(size).toBeGreaterThan(3.9 * 1024 * 1024);
    }
    await database.sql("delete from books where title = 'Long'");
  });

  test.each([
    ["limit=0", "limit", "out_of_range"],
    ["limit=-1", "limit", "invalid_type"],
    ["limit=1.5", "limit", "invalid_type"],
    ["limit=", "limit", "invalid_type"],
    ["limit=1&limit=2", "limit", "invalid_format"],
    ["cursor=", "cursor", "too_short"],
    ["since=2026-01-01", "since", "unknown_field"],
    ["sort=title", "sort", "unknown_field"],
    ["count=exact", "count", "unknown_field"],
    ["page=1", "page", "unknown_field"],
  ])("%s is a 422", async (query, path, code) => {
    const { json } = await api("GET", `${FEED}?${query}`);
    expect(json).toMatchObject({ status: 422, details: [{ in: "query", path, code }] });
  });

  test("cursors of listings and of the feed are no cursors of each other", async () => {
    await add();
    await add();
    const feed = await latest();
    const { next_cursor: listing } = (await api("GET", "/api/v1/books?limit=1")).json;
    const wrong = [
      `${FEED}?cursor=${listing}`,
      `/api/v1/books?cursor=${feed}`,
      `/api/v1/tasks?cursor=${feed}`,
      `${FEED}?cursor=${feed.slice(0, -1)}`,
      `${FEED}?cursor=${feed}A`,
      `${FEED}?cursor=${feed[0] === "W" ? "X" : "W"}${feed.slice(1)}`,
      `${FEED}?cursor=%00`,
      `${FEED}?cursor=0`,
    ];
    for (const path of wrong) {
      expect((await api("GET", path)).json, path).toMatchObject({ status: 400, error: "invalid_cursor" });
    }
  });

  const seal = new CursorSeal(new TextEncoder().encode(KEY));
  const SCOPE = JSON.stringify([FEED, []]);

  test("a cursor of another database is a 410", async () => {
    const other = await createTestDatabase();
    const { url } = await startServer(runtime, other, variables);
    const cursor = (await (await createClient(url))("GET", FEED)).json.next_cursor;
    expect((await ask(cursor)).json).toMatchObject({ status: 410, error: "cursor_expired" });
  });

  test("a cursor that is ahead of the database is a 410", async () => {
    const { state, ...rest } = seal.open(SCOPE, await latest());
    const [home, [at, xmax]] = state as [string, [string, string]];
    const ahead = [home, [at, `${BigInt(xmax) + 1_000_000n}`], null];
    const { json } = await ask(seal.seal(SCOPE, { ...rest, state: ahead }));
    expect(json).toMatchObject({ status: 410, error: "cursor_expired" });
  });

  test("a cursor of an earlier epoch is a 410", async () => {
    const cursor = await latest();
    await database.sql("update book_feed set epoch = default");
    expect((await ask(cursor)).json).toMatchObject({ status: 410, error: "cursor_expired" });
    expect((await ask()).status).toBe(200);
  });

  test("a cursor from before deletions that were removed is a 410, a later one is not", async () => {
    const expired = await latest();
    const { id } = await add();
    await api("DELETE", `/api/v1/books/${id}`);
    await database.sql(
      "update book_changes set deleted_at = deleted_at - interval '30 days 1 second' where book_id = $1",
      [id],
    );
    expect((await ask(expired)).status).toBe(200);
    const isThere = async () => {
      await api("DELETE", `/api/v1/books/${(await add()).id}`);
      return (await database.sql("select from book_changes where book_id = $1", [id])).length;
    };
    // It stays while transactions run that are older, in other databases of the cluster too.
    await expect.poll(isThere, { timeout: 20_000 }).toBe(0);
    expect((await ask(expired)).json).toMatchObject({ status: 410, error: "cursor_expired" });
    expect((await ask(await latest())).status).toBe(200);
  });

  test("a feed that lacks books is a 503", async () => {
    await database.sql("update book_feed set cluster = null");
    expect((await ask()).json).toMatchObject({ status: 503, error: "service_unavailable" });
    await database.sql("update book_feed set cluster = (select system_identifier from pg_control_system())");
    expect((await ask()).status).toBe(200);
  });

  test("a cursor sees what a transaction wrote that was open before it, and is not held back meanwhile", async () => {
    const book = await add();
    const other = await add();
    const commit = await database.hold("update books set pages = 1 where id = $1", [book.id]);
    const { json } = await api("PATCH", `/api/v1/books/${other.id}`, { body: { pages: 2 } });
    const [page] = await follow(await latest());
    expect(page).toMatchObject({ data: [], more: false });
    expect(page.complete_to >= json.updated_at).toBe(true);
    await commit();
    const after = (await ask(page.next_cursor)).json;
    expect(after.data).toMatchObject([{ id: book.id, version: 2 }]);
    expect((await ask(after.next_cursor)).json.data).toEqual([]);
  });
});
