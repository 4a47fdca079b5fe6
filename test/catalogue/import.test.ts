/** Imports of a catalogue on every runtime: what clients send, what the report says, and how it ends. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { isbnOf } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { message, product, REFERENCE } from "../support/onix.ts";
import { type Link, startProxy, type TcpProxy } from "../support/proxy.ts";
import { databaseOf, RUNTIMES, startServer, type TestServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const PATH = "/api/v1/books/import";
const NDJSON = "application/x-ndjson";
const PATIENCE = { timeout: 20_000 };
const BATCH = 5000;

type Line = Record<string, unknown> & {
  error?: string;
  details?: { path: string; code: string; message: string }[];
};

let next = 0;
const newIsbn = () => isbnOf(800_000_000 + next++);
const bookLine = (isbn: string, title = "A") =>
  `{"isbn":"${isbn}","title":"${title}","author":"B","price":1}\n`;
const linesIn = (text: string): Line[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));

describe.each(RUNTIMES)("%s", (runtime) => {
  let database: TestDatabase;
  let server: TestServer;
  /** Behind a proxy, with little time and small files. */
  let frail: TestServer;
  let proxy: TcpProxy;
  let isBroken = false;
  let api: Client;
  let token: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    server = await startServer(runtime, database, { AUTH_SECRET: SECRET });
    const { variable, url } = databaseOf(runtime, database);
    const join = (link: Link) => (isBroken ? link.cut() : void link.near.pipe(link.far).pipe(link.near));
    proxy = await startProxy(url, { join });
    frail = await startServer(runtime, database, {
      AUTH_SECRET: SECRET,
      REQUEST_TIMEOUT_MS: "4000",
      IMPORT_MAX_BYTES: "2000000",
      [variable]: proxy.url,
    });
    token = await tokenFor("editor");
    api = await createClient(server.url, token);
  });

  const send = async (
    type: string,
    raw: string | Uint8Array,
    query = "",
    headers: Record<string, string> = {},
  ) => {
    const answer = await api("POST", PATH + query, { raw, headers: { "Content-Type": type, ...headers } });
    return { ...answer, lines: linesIn(answer.text) };
  };
  const titleOf = async (isbn: string) =>
    (await database.sql<{ title: string }>("select title from books where isbn = $1", [isbn]))[0]?.title;
  const countOf = async (isbns: string[]) =>
    (
      await database.sql<{ n: number }>("select count(*)::int as n from books where isbn = any($1)", [isbns])
    )[0]?.n;

  /** Sends the head of a request on a connection, and its body in chunks. */
  async function open(
    { url }: TestServer,
    id: string,
    { query = "", by = token, type = NDJSON, more = "" } = {},
  ) {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname).on("error", () => {});
    await once(socket, "connect");
    socket.write(
      `POST ${PATH}${query} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${by}\r\nContent-Type: ${type}\r\n` +
        `X-Request-Id: ${id}\r\nTransfer-Encoding: chunked\r\n${more}Connection: close\r\n\r\n`,
    );
    onTestFinished(() => void socket.destroy());
    return socket;
  }
  const chunk = (socket: Socket, bytes: string | Uint8Array) => {
    socket.write(`${Buffer.byteLength(bytes).toString(16)}\r\n`);
    socket.write(bytes);
    socket.write("\r\n");
  };
  const END = "0\r\n\r\n";

  async function received(socket: Socket): Promise<string> {
    const parts: Buffer[] = [];
    socket.on("data", (part) => parts.push(part));
    await new Promise<void>((resolve) => socket.once("close", () => resolve()));
    return Buffer.concat(parts).toString("utf8");
  }
  const eventOf = (id: string, { logs } = frail) =>
    logs()
      .map((line) => line.startsWith("{") && JSON.parse(line))
      .find(({ request_id }) => request_id === id);

  test("a spreadsheet becomes books, and the report says which rows were refused", async () => {
    const [first, second] = [newIsbn(), newIsbn()];
    const file = `EAN;Titel;Autor;Preis\n${first};Käse;Ä;12,50 €\nx;Y;Z;1\n${second};B;C;\n`;
    const { status, headers, lines } = await send("text/csv", file);
    expect([status, headers.get("Content-Type")]).toEqual([200, NDJSON]);
    expect(lines.map((line) => Object.keys(line).slice(0, 4))).toEqual([
      ["row", "isbn", "details"],
      ["row", "isbn", "details"],
      ["rows", "created", "updated", "unchanged"],
      ["created", "updated", "unchanged", "refused"],
    ]);
    expect(lines[0]).toMatchObject({ row: 2, isbn: null, details: [{ path: "isbn", code: "invalid_isbn" }] });
    expect(lines[1]).toMatchObject({ row: 3, isbn: second, details: [{ path: "price", code: "required" }] });
    expect(lines[3]).toEqual({
      created: 1,
      updated: 0,
      unchanged: 0,
      refused: 2,
      deleted: 0,
      rows: 3,
      refused_omitted: 0,
      duplicates: 0,
      repairs: {},
      stopped: false,
      dry_run: false,
    });
    expect((await api("GET", `/api/v1/books/isbn/${first}`)).json).toMatchObject({
      title: "Käse",
      price: 12.5,
    });
  });

  test("NDJSON, and the same again compressed, change nothing the second time", async () => {
    const file = bookLine(newIsbn()) + bookLine(newIsbn());
    expect((await send(NDJSON, file)).lines.at(-1)).toMatchObject({ created: 2 });
    const zipped = await send(NDJSON, gzipSync(file), "", { "Content-Encoding": "gzip" });
    expect(zipped.lines.at(-1)).toMatchObject({ created: 0, unchanged: 2 });
  });

  test.each(["application/onix+xml", "application/xml", "text/xml; charset=utf-8"])(
    "%s is ONIX",
    async (type) => {
      const { lines } = await send(type, REFERENCE, "?default_price=3&currency=GBP&stock_if_available=2");
      expect(lines.at(-1)).toMatchObject({ created: 1, refused: 0, rows: 1 });
      const withdrawn = message(product({ kind: "05" }));
      expect((await send(type, withdrawn, "?no_delete=true")).lines.at(-1)).toMatchObject({
        deleted: 0,
        refused: 0,
      });
      expect((await send(type, withdrawn)).lines.at(-1)).toMatchObject({ deleted: 1 });
    },
  );

  test("the parameters decide what is imported", async () => {
    const isbn = newIsbn();
    const file = `Nr,Name,author\n${isbn},Mapped,B\n`;
    const query = "?map=Nr=isbn,Name=title&default_price=7.5";
    expect((await send("text/csv", file, `${query}&dry_run=true`)).lines.at(-1)).toMatchObject({
      created: 1,
      dry_run: true,
    });
    expect(await titleOf(isbn)).toBeUndefined();
    expect((await send("text/csv", file, query)).lines.at(-1)).toMatchObject({ created: 1 });
    expect(
      (await send("text/csv", `isbn,title,price\n${isbn},Z,9\n`, "?only=price")).lines.at(-1),
    ).toMatchObject({
      updated: 1,
    });
    expect((await api("GET", `/api/v1/books/isbn/${isbn}`)).json).toMatchObject({
      title: "Mapped",
      price: 9,
    });
    const skipped = await send(NDJSON, bookLine(isbn, "X") + bookLine(isbn, "Y"), "?skip_rows=2");
    expect(skipped.lines).toMatchObject([{ rows: 2, created: 0, updated: 0 }]);
    const stopped = await send(NDJSON, `${bookLine(newIsbn())}{}\n`, "?on_error=stop");
    expect(stopped.lines).toMatchObject([{ row: 2 }, { created: 0, refused: 1, stopped: true }]);
  });

  test.each([
    ["?dry_run=yes", "dry_run"],
    ["?on_error=ignore", "on_error"],
    ["?on_error=all-or-nothing", "on_error"],
    ["?skip_rows=-1", "skip_rows"],
    ["?skip_rows=1000000001", "skip_rows"],
    ["?only=price,colour", "only"],
    ["?only=isbn", "only"],
    ["?only=", "only"],
    ["?default_price=1.234", "default_price"],
    ["?default_price=1,50", "default_price"],
    ["?map=EAN", "map"],
    ["?map==isbn", "map"],
    ["?map=EAN=colour", "map"],
    ["?decimal=x", "decimal"],
    ["?currency=EUR", "currency"],
    ["?stock_if_available=1", "stock_if_available"],
    ["?no_delete=true", "no_delete"],
    ["?dry_run=true&dry_run=true", "dry_run"],
    ["?format=csv", "format"],
  ])("%s is a 422 for CSV", async (query, path) => {
    const { status, json } = await send("text/csv", "isbn\n", query);
    expect([status, json.details]).toEqual([422, [expect.objectContaining({ in: "query", path })]]);
  });

  test.each([
    ["currency for NDJSON", NDJSON, "?map=a=isbn", "map"],
    ["a currency that is none", "application/xml", "?currency=euro", "currency"],
    ["stock below 0", "application/xml", "?stock_if_available=-1", "stock_if_available"],
  ])("%s is a 422", async (_, type, query, path) => {
    expect((await send(type, "x", query)).json.details).toMatchObject([{ in: "query", path }]);
  });

  test.each([
    ["nothing", "text/csv", "", "The file is empty."],
    ["nothing as ONIX", "application/xml", "", "The file is empty."],
    ["no header", "text/csv", "9780306406157,A,B\n", /no header/],
    ["a header twice", "text/csv", "isbn,title,title\n", /both hold the title/],
    ["a spreadsheet", "text/csv", "PK\x03\x04xxxx", /export it as CSV/],
    ["ONIX 2.1", "application/xml", "<ONIXMessage><Header/></ONIXMessage>", /ONIX 2\.1/],
    ["another document", "application/xml", "<html></html>", /not ONIX/],
    [
      "entities that grow",
      "application/xml",
      '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><ONIXMessage release="3.0">&b;</ONIXMessage>',
      /.+/,
    ],
  ])("%s is a 422 that says so", async (_, type, file, text) => {
    const { status, json } = await send(type, file);
    expect([status, json.error]).toEqual([422, "validation_failed"]);
    expect(json.message).toMatch(text instanceof RegExp ? text : new RegExp(`^${text}$`));
    expect(json.details).toMatchObject([{ in: "body", path: "", code: "invalid_format" }]);
  });

  test.each([
    [415, "application/json", {}],
    [415, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", {}],
    [415, "text/csv", { "Content-Encoding": "br" }],
    [400, "text/csv", { "Idempotency-Key": "x" }],
    [401, "text/csv", { Authorization: "" }],
  ])("%i for %s with %j", async (status, type, headers) => {
    expect((await send(type, "isbn\n", "", headers as Record<string, string>)).status).toBe(status);
  });

  test("an import needs an editor", async () => {
    const headers = { Authorization: `Bearer ${await tokenFor("clerk")}` };
    expect((await send("text/csv", "isbn\n", "", headers)).status).toBe(403);
    expect((await api("DELETE", PATH)).status).toBe(405);
  });

  test("what is no gzip, or ends early, ends the import with a problem", async () => {
    const gzip = { "Content-Encoding": "gzip" };
    expect((await send(NDJSON, "plain", "", gzip)).status).toBe(415);
    const isbns = Array.from({ length: 2 * BATCH }, newIsbn);
    const zipped = gzipSync(isbns.map((isbn) => bookLine(isbn)).join(""));
    const { lines } = await send(NDJSON, zipped.subarray(0, zipped.length - 100), "", gzip);
    // How much a runtime gives before it notices the end depends on its buffers.
    const { rows = 0 } = lines.at(-2) ?? {};
    expect(lines.at(-1)).toMatchObject({ error: "unsupported_media_type" });
    expect(await countOf(isbns)).toBe(rows);
  });

  test("a file over the limit ends with a problem, however small it is compressed", async () => {
    const post = (body: string | Uint8Array, headers = {}) =>
      fetch(frail.url + PATH, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "Content-Type": NDJSON, ...headers },
        body: body as BodyInit,
      });
    expect((await post("x".repeat(2_000_001))).status).toBe(413);
    const isbns = Array.from({ length: BATCH }, newIsbn);
    const bomb = gzipSync(isbns.map((isbn) => bookLine(isbn)).join("") + "\n".repeat(5_000_000));
    const response = await post(bomb, { "Content-Encoding": "gzip" });
    expect(linesIn(await response.text()).at(-1)).toMatchObject({ error: "payload_too_large" });
    expect(await countOf(isbns)).toBe(BATCH);
  });

  test("a batch is one round trip, and a progress line each", async () => {
    const file = Array.from({ length: BATCH + 1 }, () => bookLine(newIsbn())).join("");
    const { headers, lines } = await send(NDJSON, file);
    expect(lines.map(({ rows, created }) => [rows, created])).toEqual([
      [BATCH, BATCH],
      [BATCH + 1, BATCH + 1],
      [BATCH + 1, BATCH + 1],
    ]);
    const id = headers.get("X-Request-Id") as string;
    await expect.poll(() => eventOf(id, server)).toMatchObject({ status: 200, db_round_trips: 2 });
  });

  test("a client that sends all before it reads gets the summary, and at most 1,000 refused rows", async () => {
    const socket = await open(frail, "sends-first");
    const isbn = newIsbn();
    for (let part = 0; part < 4; part++) chunk(socket, `{"title":"${"x".repeat(200)}"}\n`.repeat(500));
    chunk(socket, bookLine(isbn));
    socket.write(END);
    const lines = linesIn(await received(socket));
    expect(lines.filter(({ row }) => row)).toHaveLength(1000);
    expect(lines.at(-1)).toMatchObject({ created: 1, refused: 2000, refused_omitted: 1000 });
  });

  test("a client that goes in mid-file leaves the batches that were complete", async () => {
    const isbns = Array.from({ length: BATCH + 10 }, newIsbn);
    const socket = await open(frail, `goes-${runtime}`);
    for (let at = 0; at < isbns.length; at += 1000)
      chunk(
        socket,
        isbns
          .slice(at, at + 1000)
          .map((isbn) => bookLine(isbn))
          .join(""),
      );
    await expect.poll(() => countOf(isbns), PATIENCE).toBe(BATCH);
    socket.destroy();
    await expect.poll(() => eventOf(`goes-${runtime}`), PATIENCE).toBeTruthy();
    expect(await countOf(isbns)).toBe(BATCH);
  });

  test("a file that stalls ends with a problem", async () => {
    const socket = await open(frail, "stalls");
    chunk(socket, bookLine(newIsbn()));
    expect(await received(socket)).toMatch(/"error":"request_timeout"/);
  });

  test("without its database an import ends with a problem, and goes on behind the last progress line", async () => {
    onTestFinished(() => {
      isBroken = false;
    });
    const isbns = Array.from({ length: BATCH + 10 }, newIsbn);
    const lines = isbns.map((isbn) => bookLine(isbn));
    const socket = await open(frail, `breaks-${runtime}`);
    const text = received(socket);
    const progress = once(socket, "data");
    for (let at = 0; at < isbns.length; at += 1000) chunk(socket, lines.slice(at, at + 1000).join(""));
    await progress;
    isBroken = true;
    for (const link of proxy.links) link.cut();
    socket.write(END);
    const report = linesIn(await text);
    expect(report.map(({ rows, error }) => rows ?? error)).toEqual([BATCH, "database_unavailable"]);
    isBroken = false;
    const rest = await send(NDJSON, lines.join(""), `?skip_rows=${BATCH}`);
    expect(rest.lines.at(-1)).toMatchObject({ created: 10 });
    expect(await countOf(isbns)).toBe(isbns.length);
  });

  test("each subject imports one file at a time, and a server two", async () => {
    const [one, two] = [await tokenFor("editor", "one"), await tokenFor("editor", "two")];
    const statusOf = async (by: string) => {
      const socket = await open(frail, "third", { by });
      chunk(socket, bookLine(newIsbn()));
      socket.write(END);
      return (await received(socket)).slice(9, 12);
    };
    /** Resolves when the import has begun: its first batch is written. */
    const begin = async (by: string) => {
      const socket = await open(frail, "begins", { by });
      const progress = once(socket, "data");
      chunk(socket, bookLine(newIsbn()).repeat(BATCH));
      await progress;
      return socket;
    };
    const first = await begin(one);
    expect([await statusOf(one), await statusOf(two)]).toEqual(["429", "200"]);
    const second = await begin(two);
    expect(await statusOf(token)).toBe("429");
    first.destroy();
    await expect.poll(() => statusOf(token), PATIENCE).toBe("200");
    second.destroy();
  });

  test("two imports of the same file at once, in two orders, both succeed", async () => {
    const isbns = Array.from({ length: BATCH }, newIsbn);
    const file = isbns.map((isbn) => bookLine(isbn)).join("");
    const reversed = [...isbns]
      .reverse()
      .map((isbn) => bookLine(isbn, "Z"))
      .join("");
    const other = { Authorization: `Bearer ${await tokenFor("editor", "other")}` };
    const both = await Promise.all([send(NDJSON, file), send(NDJSON, reversed, "", other)]);
    const sum = (name: string) => both.reduce((all, { lines }) => all + Number(lines.at(-1)?.[name]), 0);
    expect([sum("created"), sum("refused"), sum("created") + sum("updated")]).toEqual([BATCH, 0, 2 * BATCH]);
  });
});
