/** Exports of a catalogue on every runtime: what the files contain, and how the streams end. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { isbnOf } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type Link, startProxy, type TcpProxy } from "../support/proxy.ts";
import { databaseOf, RUNTIMES, startServer, type TestServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const PATH = "/api/v1/books/export";
const NDJSON = "application/x-ndjson";
const CSV = "text/csv; charset=utf-8";
/** More than three pages. */
const BOOKS = 3300;
/** Books that are more than all buffers between Postgres and a client hold. */
const LARGE_BOOKS = 7_300;
const LARGE_DESCRIPTION = 10_000;
const PATIENCE = { timeout: 20_000 };

const FILL = `insert into books (title, author, isbn, price, stock, description, created_at)
  select 'Book ' || n, 'Author ' || n % 7, isbn, n % 5 + 0.5, n % 3, repeat('x', $2),
    now() - (n % 10) * interval '1 day'
  from unnest($1::text[]) with ordinality as isbns (isbn, n)`;

const isbns = (length: number, first = 0) => Array.from({ length }, (_, at) => isbnOf(first + at));

let database: TestDatabase;
/** A large catalogue, of which each runtime gets a copy. */
let original: TestDatabase;

beforeAll(async () => {
  [database, original] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  await database.sql(FILL, [isbns(BOOKS), 100]);
  await database.sql("analyze books");
  await original.sql(FILL, [isbns(LARGE_BOOKS), LARGE_DESCRIPTION]);
});

describe.each(RUNTIMES)("%s", (runtime) => {
  let server: TestServer;
  /** With a large catalogue, behind a proxy. */
  let large: TestServer;
  let largeDatabase: TestDatabase;
  let proxy: TcpProxy;
  let isBroken = false;
  let api: Client;
  let token: string;

  beforeAll(async () => {
    server = await startServer(runtime, database, { AUTH_SECRET: SECRET });
    largeDatabase = await original.copy();
    const { variable, url } = databaseOf(runtime, largeDatabase);
    const join = (link: Link) => (isBroken ? link.cut() : void link.near.pipe(link.far).pipe(link.near));
    proxy = await startProxy(url, { join });
    const variables = { AUTH_SECRET: SECRET, REQUEST_TIMEOUT_MS: "4000", [variable]: proxy.url };
    large = await startServer(runtime, largeDatabase, variables);
    token = await tokenFor("clerk");
    api = await createClient(server.url, token);
  });

  const get = (query: string, headers: Record<string, string> = {}) => api("GET", PATH + query, { headers });
  const linesOf = (text: string) => text.split("\n").slice(0, -1);
  const isbnsOf = (text: string) => linesOf(text).map((line) => JSON.parse(line).isbn);

  /** Sends a request on a connection that reads nothing yet. */
  async function open({ url }: TestServer, query: string, id: string): Promise<Socket> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname).on("error", () => {});
    await once(socket, "connect");
    socket.write(
      `GET ${PATH}${query} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n` +
        `X-Request-Id: ${id}\r\nConnection: close\r\n\r\n`,
    );
    onTestFinished(() => void socket.destroy());
    return socket;
  }

  /** Everything that a connection receives before it closes. */
  async function received(socket: Socket): Promise<string> {
    const parts: Buffer[] = [];
    socket.on("data", (part) => parts.push(part));
    await new Promise<void>((resolve) => socket.once("close", () => resolve()));
    return Buffer.concat(parts).toString("latin1");
  }

  /** The log event of a request, once it has ended. */
  const eventOf = (id: string, { logs } = large) =>
    logs()
      .map((line) => line.startsWith("{") && JSON.parse(line))
      .find(({ request_id }) => request_id === id);

  test("an export has every book once, the oldest first, with one round trip per page", async () => {
    const { status, text, headers } = await get("?format=ndjson");
    expect([status, headers.get("Content-Type")]).toEqual([200, NDJSON]);
    expect(headers.get("Content-Disposition")).toBe('attachment; filename="books.ndjson"');
    const rows = await database.sql<{ isbn: string }>("select isbn from books order by id");
    expect(isbnsOf(text)).toEqual(rows.map(({ isbn }) => isbn));
    const id = headers.get("X-Request-Id") as string;
    await expect.poll(() => eventOf(id, server)).toMatchObject({ status: 200, db_round_trips: 4 });
  });

  test("a line has the members of the book; ids and times come on demand", async () => {
    const [first] = linesOf((await get("?format=ndjson&isbn=9780000000002")).text);
    const [whole] = linesOf((await get("?format=ndjson&isbn=9780000000002&with_ids=true")).text);
    const book = await api("GET", "/api/v1/books/isbn/9780000000002");
    expect(whole).toBe(book.text);
    const { id, created_at, updated_at, ...members } = book.json;
    expect(first).toBe(JSON.stringify(members));
  });

  test.each([
    ["?format=csv", {}, CSV],
    ["?format=ndjson", { Accept: "text/csv" }, NDJSON],
    ["", {}, CSV],
    ["", { Accept: "*/*" }, CSV],
    ["", { Accept: "" }, CSV],
    ["", { Accept: NDJSON }, NDJSON],
    ["", { Accept: "application/*, text/csv;q=0.5" }, NDJSON],
    ["", { Accept: "text/html, Text/CSV; q=0.9, */*; q=0.1" }, CSV],
    ["?format=csv", { Accept: "image/png" }, CSV],
  ])("%s with %j is %s", async (query, headers, type) => {
    const { status, headers: answered } = await get(`${query || "?"}&min_price=9`, headers);
    expect([status, answered.get("Content-Type")]).toEqual([200, type]);
    expect(answered.get("Vary")).toMatch(/Accept, Accept-Encoding$/);
  });

  test.each([
    ["?format=xml", {}, "query", "format"],
    ["?format=paperback", {}, "query", "format"],
    ["?format=csv&format=ndjson", {}, "query", "format"],
    ["", { Accept: "application/json" }, "header", "Accept"],
    ["", { Accept: "text/csv;q=0" }, "header", "Accept"],
    ["?limit=5", {}, "query", "limit"],
    ["?cursor=x", {}, "query", "cursor"],
    ["?page=1", {}, "query", "page"],
    ["?count=exact", {}, "query", "count"],
    ["?sort=relevance&search=book", {}, "query", "sort"],
    ["?min_price=3&max_price=2", {}, "query", "min_price"],
    ["?published_from=2001&published_to=1999", {}, "query", "published_from"],
    ["?with_ids=yes", {}, "query", "with_ids"],
    ["?excel=", {}, "query", "excel"],
    ["?format=ndjson&excel=true", {}, "query", "excel"],
    ["?escape_formulas=true", { Accept: NDJSON }, "query", "escape_formulas"],
    ["?colour=red", {}, "query", "colour"],
  ])("%s with %j is a 422 for %s %s", async (query, headers, place, path) => {
    const { status, json } = await get(query, headers);
    expect([status, json.details]).toEqual([422, [expect.objectContaining({ in: place, path })]]);
  });

  test("filters select as in the listing, in any of its orders", async () => {
    const query = "author=author%203&min_price=2&in_stock=true";
    for (const sort of ["&sort=created_at", "&sort=-title", "&sort=price", "&sort=-published"]) {
      const listed: string[] = [];
      let cursor = "";
      do {
        const { json } = await api("GET", `/api/v1/books?${query}${sort}&limit=100${cursor}`);
        listed.push(...json.data.map(({ isbn }: { isbn: string }) => isbn));
        cursor = json.next_cursor && `&cursor=${json.next_cursor}`;
      } while (cursor);
      expect(listed.length).toBeGreaterThan(100);
      expect(isbnsOf((await get(`?format=ndjson&${query}${sort}`)).text)).toEqual(listed);
    }
  });

  test("a search exports all matches, over many pages, by their age", async () => {
    const found = isbnsOf((await get("?format=ndjson&search=book")).text);
    const rows = await database.sql<{ isbn: string }>("select isbn from books order by id");
    expect(found).toEqual(rows.map(({ isbn }) => isbn));
    expect(isbnsOf((await get("?format=ndjson&author=auhtor+3&sort=title")).text)).toHaveLength(
      Math.ceil(BOOKS / 7),
    );
  });

  test("an export without books is an empty file, or a header", async () => {
    expect((await get("?format=ndjson&min_price=99")).text).toBe("");
    expect((await get("?format=csv&min_price=99")).text).toBe(
      "title,author,isbn,price,stock,description,publisher,published,language,format,pages,cover_url,subjects\r\n",
    );
  });

  test("an export is compressed if the client accepts it", async () => {
    const plain = (await get("?isbn=9780000000002,9780000000019")).text;
    const request = (coding: string) =>
      fetch(`${server.url}${PATH}?isbn=9780000000002,9780000000019`, {
        headers: { Authorization: `Bearer ${token}`, "Accept-Encoding": coding },
      });
    const zipped = await request("gzip");
    // On Workers, that is Cloudflare's task.
    expect(zipped.headers.get("Content-Encoding")).toBe(runtime === "workerd" ? null : "gzip");
    // fetch decompresses.
    expect(await zipped.text()).toBe(plain);
    expect((await request("identity")).headers.get("Content-Encoding")).toBeNull();
  });

  test("every book that nobody changes comes once, whatever is written meanwhile", async () => {
    const early = isbnOf(3000);
    const untouched = await largeDatabase.sql<{ isbn: string }>(
      "select isbn from books where isbn > $1 or stock = 0",
      [early],
    );
    const socket = await open(large, "?format=ndjson&sort=title", "meanwhile");
    await once(socket, "readable");
    // Moves a part of the early books to the other end, deletes another, and adds new ones.
    await largeDatabase.sql("update books set title = 'Zzz ' || title where isbn <= $1 and stock = 1", [
      early,
    ]);
    await largeDatabase.sql("delete from books where isbn <= $1 and stock = 2", [early]);
    await largeDatabase.sql(FILL, [isbns(50, LARGE_BOOKS), LARGE_DESCRIPTION]);
    const text = await received(socket);
    const counts = new Map<string | undefined, number>();
    for (const [, isbn] of text.matchAll(/"isbn":"(\d{13})"/g)) counts.set(isbn, (counts.get(isbn) ?? 0) + 1);
    expect(untouched.filter(({ isbn }) => counts.get(isbn) !== 1)).toEqual([]);
    expect(text.slice(-9)).toMatch(/\r\n0\r\n\r\n$/);
  });

  test("a client that stops reading pauses the database, and is disconnected after the timeout", async () => {
    const socket = await open(large, "?format=ndjson", "stalls");
    await expect.poll(() => eventOf("stalls"), PATIENCE).toMatchObject({ status: 200, client_gone: true });
    expect(eventOf("stalls").db_round_trips).toBeLessThan(LARGE_BOOKS / 1001);
    await received(socket);
  });

  test("a client that goes away ends the export", async () => {
    const socket = await open(large, "?format=csv", "leaves");
    await once(socket, "readable");
    socket.destroy();
    await expect.poll(() => eventOf("leaves"), PATIENCE).toMatchObject({ status: 200, client_gone: true });
    expect(eventOf("leaves").db_round_trips).toBeLessThan(LARGE_BOOKS / 1001);
  });

  test.each(["ndjson", "csv"])(
    "without its database, an export as %s never looks complete",
    async (format) => {
      onTestFinished(() => {
        isBroken = false;
      });
      const id = `breaks-${format}`;
      const socket = await open(large, `?format=${format}`, id);
      await once(socket, "readable");
      isBroken = true;
      for (const link of proxy.links) link.cut();
      const text = await received(socket);
      expect(text).toMatch(/^HTTP\/1\.1 200 /);
      if (format === "ndjson") {
        expect(text).toMatch(/\n\{"type":"\/problems\/database_unavailable",[^\n]*\}\n\r\n0\r\n\r\n$/);
      } else {
        expect(text.slice(-1000)).not.toMatch(/problem|\r\n0\r\n/);
      }
      await expect
        .poll(() => eventOf(id), PATIENCE)
        .toMatchObject({ level: "error", problem: "database_unavailable" });
    },
  );

  test("without a database from the start, an export is a 503", async () => {
    onTestFinished(() => {
      isBroken = false;
    });
    isBroken = true;
    for (const link of proxy.links) link.cut();
    const text = await received(await open(large, "", "away"));
    expect(text).toMatch(/^HTTP\/1\.1 503 .*"error":"database_unavailable"/s);
  });

  test("a server serves two exports at a time", async () => {
    const sockets = [await open(large, "", "one"), await open(large, "", "two")];
    await Promise.all(sockets.map((socket) => once(socket, "readable")));
    const third = async () => received(await open(large, "?min_price=99", "three"));
    expect(await third()).toMatch(/^HTTP\/1\.1 429 .*retry-after: 10\r\n.*"error":"rate_limited"/is);
    for (const socket of sockets) socket.destroy();
    await expect.poll(third, PATIENCE).toMatch(/^HTTP\/1\.1 200 /);
  });

  test("HEAD has the headers of the export, and no body", async () => {
    const { status, headers, text } = await api("HEAD", `${PATH}?format=csv`);
    expect([status, headers.get("Content-Type"), text]).toEqual([200, CSV, ""]);
    expect((await get("?min_price=99")).status).toBe(200);
  });

  test("an export needs a clerk", async () => {
    expect((await get("", { Authorization: "" })).status).toBe(401);
    const none = { Authorization: `Bearer ${await tokenFor("none" as "clerk")}` };
    expect((await get("", none)).status).toBe(403);
  });
});
