/** Who changed a stock, and why, whichever way it changed; and the ledger of all books. */
import { SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { RUNTIMES, startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";
import { pagesOf } from "../support/walk.ts";

const MISSING = "00000000-0000-7000-8000-000000000000";

let url: string;
let database: TestDatabase;
let api: Client;

const clientOf = async (subject: string, claims: object = {}) => {
  const token = new SignJWT({ roles: ["editor"], ...claims }).setProtectedHeader({ alg: "HS256" });
  const signed = token.setSubject(subject).setExpirationTime("1h").sign(new TextEncoder().encode(SECRET));
  return createClient(url, await signed);
};

const create = async (members?: Record<string, unknown>, by = api) =>
  (await by("POST", "/api/v1/books", { body: newBook(members) })).json;

/** The movements of a book, oldest first, each as "delta actor reason reference". */
async function ledgerOf(id: string): Promise<string[]> {
  const rows = await database.sql<{ text: string }>(
    `select concat_ws(' ', delta, coalesce(actor, '-'), coalesce(reason, '-'), coalesce(reference, '-')) as text
     from stock_movements where book_id = $1 order by created_at, id`,
    [id],
  );
  return rows.map(({ text }) => text);
}

const idsIn = (data: { id: string }[]) => data.map(({ id }) => id);

describe.each(RUNTIMES)("%s", (runtime) => {
  beforeAll(async () => {
    database = await createTestDatabase();
    ({ url } = await startServer(runtime, database, { AUTH_SECRET: SECRET }));
    api = await createClient(url, await tokenFor("editor"));
  });

  test("each way to change a stock leaves a movement of whoever did it", async () => {
    const [anna, ben] = await Promise.all([clientOf("anna"), clientOf("ben")]);
    const { id, isbn } = await create({ stock: 9 }, anna);
    const path = `/api/v1/books/${id}`;
    await anna("POST", `${path}/stock`, { body: { delta: -1, reason: "sale", reference: "r 1" } });
    await ben("PATCH", path, { body: { stock: 20 } });
    await database.sql("update books set stock = 21 where id = $1", [id]);
    await anna("PUT", path, { body: { stock: 22, title: "Moved" } });
    await ben("PUT", `/api/v1/books/isbn/${isbn}`, { body: { stock: 23 } });
    await anna("PUT", `${path}/stock`, { body: { stock: 24, reason: "count" } });
    await ben("PUT", `/api/v1/books/isbn/${isbn}/stock`, { body: { stock: 25, reference: "shelf 3" } });
    await ben("POST", "/api/v1/stock", { body: { lines: [{ id, delta: 1 }] } });
    await anna("DELETE", path);
    expect(await ledgerOf(id)).toEqual([
      "9 anna - -",
      "-1 anna sale r 1",
      "12 ben - -",
      "1 - - -",
      "1 anna - -",
      "1 ben - -",
      "1 anna count -",
      "1 ben - shelf 3",
      "1 ben - -",
      "-26 anna deleted -",
    ]);
    const put = newBook();
    const made = await ben("PUT", `/api/v1/books/isbn/${put.isbn}`, { body: put });
    expect(await ledgerOf(made.json.id)).toEqual(["3 ben - -"]);
  });

  test("a write that changes no stock leaves no movement, and its actor to no later one", async () => {
    const anna = await clientOf("anna");
    const { id } = await create({ stock: 3 });
    const path = `/api/v1/books/${id}`;
    const read = async () => (await api("GET", path)).headers.get("ETag");
    const before = await read();
    await anna("PATCH", path, { body: { stock: 3 } });
    await anna("PUT", `${path}/stock`, { body: { stock: 3, reason: "count" } });
    expect(await read()).toBe(before);
    await anna("PATCH", path, { body: { title: "Moved" } });
    await database.sql("update books set stock = 4 where id = $1", [id]);
    await database.sql("update books set title = 'By hand', stock = 5 where id = $1", [id]);
    expect(await ledgerOf(id)).toEqual(["3 tester - -", "1 - - -", "1 - - -"]);
  });

  test("books that are created at the same time each have their own actor", async () => {
    const clients = await Promise.all(Array.from({ length: 40 }, (_, at) => clientOf(`clerk ${at}`)));
    const books = await Promise.all(clients.map((client) => create({ stock: 1 }, client)));
    const ledgers = await Promise.all(books.map(({ id }) => ledgerOf(id)));
    expect(ledgers.flat()).toEqual(books.map((_, at) => `1 clerk ${at} - -`));
  });

  test("a book that several people put at the same time has a movement of each, with their own actor", async () => {
    const members = newBook();
    const path = `/api/v1/books/isbn/${members.isbn}`;
    const clients = await Promise.all(Array.from({ length: 20 }, (_, at) => clientOf(`${at + 1}`)));
    const answers = await Promise.all(
      clients.map((client, at) => client("PUT", path, { body: { ...members, stock: at + 1 } })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    const rows = await database.sql<{ stock_after: number; actor: string }>(
      "select stock_after, actor from stock_movements where book_id = $1",
      [answers[0]?.json.id],
    );
    const actors = rows.map(({ actor }) => Number(actor));
    expect(actors).toEqual(rows.map(({ stock_after }) => stock_after));
    expect(actors.sort((a, b) => a - b)).toEqual(clients.map((_, at) => at + 1));
  });

  test("books that are deleted at the same time each have their own actor, and none by hand", async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, (_, at) => clientOf(`clerk ${at}`)));
    const books = await Promise.all(clients.map((_, at) => create({ stock: at % 2 })));
    await Promise.all(clients.map((client, at) => client("DELETE", `/api/v1/books/${books[at].id}`)));
    const ledgers = await Promise.all(books.map(({ id }) => ledgerOf(id)));
    expect(ledgers.map((ledger) => ledger[1])).toEqual(
      books.map((_, at) => (at % 2 ? `-1 clerk ${at} deleted -` : undefined)),
    );
    const { id } = await create({ stock: 1 });
    await database.sql(
      `with setting as materialized (select set_config('octavo.deletion', $2, false))
       delete from books using setting where id = $1`,
      [id, JSON.stringify({ book: MISSING, actor: "somebody else" })],
    );
    expect((await ledgerOf(id))[1]).toBe("-1 - deleted -");
  });

  test("an actor is the subject, with the issuer before it where tokens may have several", async () => {
    const shops = ["https://a.example", "https://b.example"];
    for (const [subject, claims, actor] of [
      ["7", {}, "7"],
      ["7", { iss: shops[0] }, "https://a.example#7"],
      ["7", { iss: shops[1] }, "https://b.example#7"],
      ["élan 😀", {}, "élan 😀"],
      ["a\0b\ud800", {}, "a\ufffdb\ufffd"],
      ["x".repeat(3000), {}, "x".repeat(3000)],
    ] as const) {
      const { id } = await create({ stock: 1 }, await clientOf(subject, claims));
      expect(await ledgerOf(id)).toEqual([`1 ${actor} - -`]);
    }
    const one = await startServer(runtime, database, {
      AUTH_SECRET: SECRET,
      AUTH_ISSUER: "https://a.example",
    });
    const token = new SignJWT({ roles: ["editor"], iss: "https://a.example" }).setProtectedHeader({
      alg: "HS256",
    });
    const signed = token.setSubject("7").setExpirationTime("1h").sign(new TextEncoder().encode(SECRET));
    const { id } = await create({ stock: 1 }, await createClient(one.url, await signed));
    expect(await ledgerOf(id)).toEqual(["1 7 - -"]);
  });

  describe("the list of all movements", () => {
    const list = (query: Record<string, string>) =>
      api("GET", `/api/v1/stock/movements?${new URLSearchParams(query)}`);

    test("the list has the movements of all books, the newest first, and of deleted ones", async () => {
      const [one, two] = await Promise.all([create({ stock: 1 }), create({ stock: 1 })]);
      await api("DELETE", `/api/v1/books/${one.id}`);
      const { json } = await list({ limit: "3" });
      expect(json.data[0]).toMatchObject({ book_id: one.id, isbn: one.isbn, delta: -1, reason: "deleted" });
      const others = json.data.slice(1).map(({ book_id }: { book_id: string }) => book_id);
      expect(others.sort()).toEqual([one.id, two.id].sort());
    });

    test("each filter selects its movements, exactly", async () => {
      const { id } = await create({ stock: 100 });
      const adjust = async (body: object) =>
        await api("POST", `/api/v1/books/${id}/stock`, { body: { delta: -1, ...body } });
      for (const reference of ["order 1", "order 2", "ORDER 1"])
        for (const reason of ["loss", "gift", null]) await adjust({ reason, reference });
      const rows: Record<string, string>[] = (await list({ limit: "9" })).json.data;
      const times = rows.map(({ created_at }) => created_at as string);
      const found = async (query: Record<string, string>) => {
        const { json } = await list(query);
        return json.data.map(({ id }: { id: string }) => rows.findIndex((row) => row.id === id));
      };
      expect(await found({ reference: "order 1" })).toEqual([6, 7, 8]);
      expect(await found({ reference: " order 1 ", reason: "gift" })).toEqual([7]);
      expect(await found({ reason: "loss" })).toEqual([2, 5, 8]);
      expect(await found({ since: `${times[3]}` })).toEqual([0, 1, 2, 3]);
      expect(await found({ since: `${times[3]}`, until: `${times[1]}` })).toEqual([2, 3]);
      expect(await found({ reason: "loss", since: `${times[5]}`, until: `${times[2]}` })).toEqual([5]);
      expect(await found({ since: `${times[3]}`, until: `${times[3]}` })).toEqual([]);
      // The same moment, elsewhere.
      const local = new Date(Date.parse(`${times[3]}`) + 19_800_000).toISOString().slice(0, -4);
      const micros = times[3]?.slice(-7, -1);
      expect(await found({ since: `${local.slice(0, 20)}${micros}+05:30` })).toEqual([0, 1, 2, 3]);
    });

    test.each([
      {},
      { reason: "walk" },
      { reference: "walk" },
      { since: "2025-12-31T00:00:00Z", until: "2026-01-02T00:00:00Z" },
    ])(
      "a walk with %o sees each movement once in either direction, while movements are added",
      async (query) => {
        const { id } = await create({ stock: 100 });
        await database.sql(
          `insert into stock_movements (book_id, isbn, delta, stock_after, reason, reference, created_at)
           select $1, '9780486272634', 1, n, 'walk', 'walk', '2026-01-01'::timestamptz + n / 3 * interval '1 microsecond'
           from generate_series(1, 10) n`,
          [id],
        );
        const rows = await database.sql<{ id: string }>(
          "select id from stock_movements where book_id = $1 and reason = 'walk' order by created_at desc, id desc",
          [id],
        );
        const expected = idsIn(rows);
        const page = async (cursor?: string) => {
          const { status, json } = await list({ ...query, limit: "4", ...(cursor && { cursor }) });
          expect(status).toBe(200);
          return json;
        };
        const first = await page();
        await api("POST", `/api/v1/books/${id}/stock`, {
          body: { delta: 1, reason: "walk", reference: "walk" },
        });
        const there = await pagesOf(first, ({ next_cursor }) => next_cursor && page(next_cursor));
        const seen = there.flatMap(({ data }) => idsIn(data));
        expect(seen.filter((id) => expected.includes(id))).toEqual(expected);
        const back = await pagesOf(there.at(-1), ({ prev_cursor }) => prev_cursor && page(prev_cursor));
        const backwards = back.reverse().flatMap(({ data }) => idsIn(data));
        expect(backwards.filter((id) => expected.includes(id))).toEqual(expected);
        expect(new Set(backwards).size).toBe(backwards.length);
        await database.sql("delete from stock_movements where reason = 'walk'");
      },
    );

    test("a cursor belongs to its filters, and to the list of all movements", async () => {
      await create({ stock: 1 });
      const { id } = await create({ stock: 1 });
      const { next_cursor: cursor } = (await list({ limit: "1" })).json;
      expect((await list({ cursor, limit: "2" })).status).toBe(200);
      for (const query of [{ reason: "sale" }, { since: "2026-01-01T00:00:00Z" }, { reference: "" }])
        expect(await list({ ...query, cursor } as Record<string, string>)).toMatchObject({ status: 400 });
      const other = await api("GET", `/api/v1/books/${id}/stock/movements?cursor=${cursor}`);
      expect(other.json.error).toBe("invalid_cursor");
    });
  });
});

test.each<[string, ...string[]]>([
  ["reason=", "reason too_short"],
  ["reference=%20", "reference too_short"],
  [`reason=${"a".repeat(101)}`, "reason too_long"],
  [`reference=${"a".repeat(101)}`, "reference too_long"],
  ["reason=a%00", "reason invalid_format"],
  ["reason=%FF", "reason invalid_format"],
  ["reason=a&reason=b", "reason invalid_format"],
  ["since=", "since invalid_format"],
  ["since=2026-01-01", "since invalid_format"],
  ["since=2026-01-01T00:00:00", "since invalid_format"],
  ["since=2026-01-01T00:00:00+02:00", "since invalid_format"],
  ["since=2026-02-30T00:00:00Z", "since invalid_format"],
  ["since=2026-01-01T24:00:00Z", "since invalid_format"],
  ["since=2026-01-01T00:00:60Z", "since invalid_format"],
  ["since=0000-06-01T00:00:00Z", "since invalid_format"],
  ["since=0001-01-01T00:00:00%2B12:00", "since invalid_format"],
  ["until=9999-12-31T23:59:59-01:00", "until invalid_format"],
  ["until=2026-01-01T00:00:00%2B24:00", "until invalid_format"],
  ["until=infinity", "until invalid_format"],
  ["until=now", "until invalid_format"],
  ["until=1767225600", "until invalid_format"],
  ["since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "since out_of_range"],
  [
    "since=x&until=y&reason=&book=1",
    "book unknown_field",
    "reason too_short",
    "since invalid_format",
    "until invalid_format",
  ],
  [
    "limit=0&page=1&count=exact&sort=delta",
    "count unknown_field",
    "limit out_of_range",
    "page unknown_field",
    "sort unknown_field",
  ],
])("the list of all movements with %s reports every fault", async (query, ...faults) => {
  const { status, json } = await api("GET", `/api/v1/stock/movements?${query}`);
  const found = (json.details ?? []).map(({ path, code }: Record<string, string>) => `${path} ${code}`);
  expect([status, found.sort()]).toEqual([422, faults]);
});

test.each([
  "2026-01-01T00:00:00Z",
  "2026-01-01T00:00:00.1Z",
  "2026-01-01T00:00:00.123456789Z",
  "0001-01-01T00:00:00Z",
  "9999-12-31T23:59:59.999999Z",
  "2026-01-01T00:00:00%2B23:59",
  "2026-01-01T00:00:00-23:59",
])("the list of all movements takes the time %s", async (time) => {
  expect((await api("GET", `/api/v1/stock/movements?since=${time}`)).status).toBe(200);
  expect((await api("GET", `/api/v1/stock/movements?until=${time}&reason=sale`)).status).toBe(200);
});

test("movements of an earlier version have the ISBN of their book, also after it was deleted", async () => {
  const { id, isbn } = await create({ stock: 3 });
  await database.sql("update stock_movements set isbn = null where book_id = $1", [id]);
  // Its servers give the reason in a setting, and run until they are replaced.
  const client = await database.connect();
  await client.query("begin; select set_config('octavo.movement_reason', 'sale', true)");
  for (const _ of [1, 2]) await client.query("update books set stock = stock - 1 where id = $1", [id]);
  await client.query("commit");
  await client.end();
  expect(await ledgerOf(id)).toEqual(["3 tester - -", "-1 - sale -", "-1 - - -"]);
  const isbns = async () => {
    const { json } = await api("GET", `/api/v1/books/${id}/stock/movements`);
    return json.data.map((movement: { isbn: string }) => movement.isbn);
  };
  expect(await isbns()).toEqual([isbn, isbn, isbn]);
  await database.sql("delete from books where id = $1", [id]);
  expect(await isbns()).toEqual([isbn, isbn, isbn, isbn]);
});

test("a movement has the ISBN that its book had", async () => {
  const { id, isbn } = await create({ stock: 3 });
  const other = newBook().isbn;
  await api("PATCH", `/api/v1/books/${id}`, { body: { isbn: other } });
  await api("PATCH", `/api/v1/books/${id}`, { body: { stock: 4 } });
  const { json } = await api("GET", `/api/v1/books/${id}/stock/movements`);
  expect(json.data.map((movement: { isbn: string }) => movement.isbn)).toEqual([other, isbn]);
});
