/** EDGE_CACHE_SECONDS on workerd: what comes from the cache, and what never does. */
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, inject, test } from "vitest";
import { newBook } from "../support/books.ts";
import { type Client, createClient, rawRequest } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type Link, startProxy } from "../support/proxy.ts";
import { SECRET, tokenFor } from "../support/token.ts";
import { startWorker, type TestWorker } from "../support/worker.ts";

const SECONDS = 600;
const CACHE_CONTROL = `public, max-age=0, must-revalidate, s-maxage=${SECONDS}`;
const SHOP = "https://shop.example";
const BOOKS = "/api/v1/books";
const HTML = { Accept: "text/html" };

let database: TestDatabase;
let worker: TestWorker;
let editor: Client;
/** Whether the answers to writes get lost. */
let isCut = false;
/** While it is there, what the database answers to reads waits until it opens. */
let gate: { opened: Promise<void>; waiting: number } | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
  const variables = {
    EDGE_CACHE_SECONDS: `${SECONDS}`,
    AUTH_SECRET: SECRET,
    CORS_ORIGINS: SHOP,
    LOG_LEVEL: "debug",
  };
  const { url } = await startProxy(inject("neon"), { join: gated });
  worker = await startWorker(database, { ...variables, NEON_FETCH_ENDPOINT: url });
  editor = await createClient(worker.url, await tokenFor("editor"));
});

function gated(link: Link): void {
  const { near, far } = link;
  let request = "";
  near.on("data", (data) => {
    request = data.toString();
    far.write(data);
  });
  far.on("data", async (data) => {
    if (isCut && request.includes("for update")) return link.cut();
    if (gate && !request.includes("for update")) {
      gate.waiting++;
      await gate.opened;
    }
    near.write(data);
  });
}

interface Seen {
  status: number;
  headers: Headers;
  text: string;
  /** What the log says of the request. */
  cache: "hit" | "miss" | undefined;
  trips: number;
}

let requests = 0;

/** Sends a request, and looks it up in the log. `fetch` would add `Cache-Control: no-cache` to `If-None-Match`. */
async function get(path: string, given: Record<string, string> = {}, method = "GET"): Promise<Seen> {
  const id = `edge-${requests++}`;
  const headers = { "Accept-Encoding": "identity", "X-Request-Id": id, ...given };
  const response = await rawRequest(worker.url, { method, path, headers });
  expect(response.headers.get("X-Request-Id")).toBe(id);
  const find = () => worker.logs().find((line) => line.includes(`"${id}"`));
  await expect.poll(find).toBeDefined();
  const { edge_cache: cache, db_round_trips: trips } = JSON.parse(find() ?? "");
  return { ...response, cache, trips };
}

/** Requests a path until the cache answers, because entries are stored behind the response. */
async function untilHit(path: string, headers: Record<string, string> = {}): Promise<Seen> {
  const seen = [await get(path, headers)];
  const again = async () => seen.unshift(await get(path, headers)) && seen[0]?.cache;
  await expect.poll(again).toBe("hit");
  return seen[0] as Seen;
}

interface Book {
  id: string;
  isbn: string;
  /** The path of its page. */
  page: string;
}

let books = 0;

async function createBook(): Promise<Book> {
  const title = `Edge ${books++}`;
  const { json } = await editor("POST", BOOKS, { body: newBook({ title }) });
  return {
    id: json.id,
    isbn: json.isbn,
    page: `/books/${json.isbn}-${title.replace(" ", "-").toLowerCase()}`,
  };
}

/** The addresses of a book, with what a browser or a program sends. */
const addressesOf = ({ id, isbn, page }: Book): [string, Record<string, string>][] => [
  [`${BOOKS}/${id}`, {}],
  [`${BOOKS}/isbn/${isbn}`, {}],
  [page, HTML],
  [page, { Accept: "application/json" }],
];

test("books, listings and pages come from the cache, with their age and without a round trip", async () => {
  const book = await createBook();
  const lists: ReturnType<typeof addressesOf> = [
    [`${BOOKS}?limit=3`, {}],
    [`${BOOKS}?search=edge`, {}],
    ["/", HTML],
    ["/?search=edge", HTML],
  ];
  for (const [path, headers] of [...addressesOf(book), ...lists]) {
    const first = await get(path, headers);
    expect([path, first.status, first.cache, first.trips]).toEqual([path, 200, "miss", 1]);
    expect(first.headers.has("Age")).toBe(false);
    const again = await untilHit(path, headers);
    expect(again.trips).toBe(0);
    expect(again.text).toBe(first.text);
    expect(again.headers.get("Age")).toMatch(/^\d+$/);
    for (const name of ["Content-Type", "ETag", "Link", "Vary", "Cache-Control", "Content-Security-Policy"])
      expect([path, name, again.headers.get(name)]).toEqual([path, name, first.headers.get(name)]);
    expect(again.headers.get("Cache-Control")).toContain(CACHE_CONTROL);
  }
});

test("HEAD is answered from what a GET has left", async () => {
  const { id } = await createBook();
  const path = `${BOOKS}/${id}`;
  const { text } = await untilHit(path);
  const head = await get(path, {}, "HEAD");
  expect([head.cache, head.text]).toEqual(["hit", ""]);
  expect(head.headers.get("Content-Length")).toBe(`${text.length}`);
});

test("a conditional request fills the cache, and gets 304 from it", async () => {
  for (const [path, headers] of addressesOf(await createBook())) {
    const asked = await get(path, { ...headers, "Cache-Control": "no-store" });
    const tag = { ...headers, "If-None-Match": `"another", ${asked.headers.get("ETag")}` };
    const filled = await get(path, tag);
    expect([filled.status, filled.cache]).toEqual([304, "miss"]);
    const hit = await untilHit(path, tag);
    expect([hit.status, hit.text, hit.headers.get("ETag")]).toEqual([304, "", asked.headers.get("ETag")]);
    expect(hit.headers.get("Cache-Control")).toBe(asked.headers.get("Cache-Control"));
    expect(hit.headers.get("Age")).toMatch(/^\d+$/);
    const other = await get(path, { ...headers, "If-None-Match": '"another"' });
    expect([other.status, other.cache]).toEqual([200, "hit"]);
  }
});

test.each<[string, string]>([
  ["Authorization", "Bearer whatever"],
  ["Cookie", "theme=dark"],
  ["Cache-Control", "no-cache"],
  ["Cache-Control", "No-Store"],
  ["Cache-Control", "max-stale=9, max-age=0"],
  ["Cache-Control", "max-age=soon"],
  ["Cache-Control", "max-age="],
  ["Cache-Control", "max-age=-1"],
  ["Pragma", "no-cache"],
  ["If-Match", "*"],
  ["X-Octavo-Position", "a".repeat(59)],
])("a request with %s: %s goes to the database", async (name, value) => {
  const { id } = await createBook();
  const path = `${BOOKS}/${id}`;
  await untilHit(path);
  const seen = await get(path, { [name]: value });
  expect([seen.status, seen.cache, seen.trips]).toEqual([200, undefined, 1]);
  expect(seen.headers.has("Age")).toBe(false);
});

test.each<[string, Record<string, string>]>([
  ["Authorization", { Authorization: "Bearer whatever" }],
  ["a cookie", { Cookie: "theme=dark" }],
  ["no-store", { "Cache-Control": "no-store" }],
])("a request with %s leaves nothing in the cache", async (_, headers) => {
  const { id } = await createBook();
  for (let request = 0; request < 3; request++) await get(`${BOOKS}/${id}`, headers);
  expect((await get(`${BOOKS}/${id}`)).cache).toBe("miss");
});

test("what no-cache brings replaces the entry", async () => {
  const { id } = await createBook();
  const path = `${BOOKS}/${id}`;
  await untilHit(path);
  await database.sql("update books set price = 44 where id = $1", [id]);
  expect((await get(path)).text).not.toContain('"price":44');
  expect((await get(path, { "Cache-Control": "no-cache" })).text).toContain('"price":44');
  await expect.poll(async () => (await get(path)).text).toContain('"price":44');
});

test("a client may ask for an age", async () => {
  const { id } = await createBook();
  const path = `${BOOKS}/${id}`;
  await untilHit(path);
  await sleep(1100);
  expect((await get(path, { "Cache-Control": "max-age=300" })).cache).toBe("hit");
  expect((await get(path, { "Cache-Control": "max-age=1" })).cache).toBe("miss");
});

test("CORS headers are those of each request", async () => {
  const { id } = await createBook();
  const path = `${BOOKS}/${id}`;
  await get(path, { Origin: SHOP });
  const stranger = await untilHit(path, { Origin: "https://elsewhere.example" });
  const shop = await untilHit(path, { Origin: SHOP });
  const origins = [stranger, shop].map(({ headers }) => headers.get("Access-Control-Allow-Origin"));
  expect(origins).toEqual(["*", SHOP]);
  expect(shop.headers.get("Vary")).toBe("Origin");
});

test("problems, redirects, the feed and what needs a role are not kept", async () => {
  const { isbn } = await createBook();
  const missing = newBook();
  const paths = [
    `${BOOKS}/isbn/${missing.isbn}`,
    `${BOOKS}?limit=0`,
    `/books/${isbn}-another-title`,
    "/api/v1/changes",
    "/api/v1/tasks",
    "/ready",
    "/openapi.json",
  ];
  for (const path of paths) {
    for (let request = 0; request < 3; request++) await get(path);
    const seen = await get(path);
    expect([path, seen.cache === "hit"]).toEqual([path, false]);
    expect(seen.headers.get("Cache-Control")).not.toContain("s-maxage");
  }
  await editor("POST", BOOKS, { body: missing });
  expect((await get(`${BOOKS}/isbn/${missing.isbn}`)).status).toBe(200);
});

const change = (method: string, path: (book: Book) => string, body?: object | ((book: Book) => object)) =>
  [method, path, body] as const;
test.each([
  ["a change", change("PATCH", ({ id }) => `/books/${id}`, { price: 12 })],
  ["a new title", change("PUT", ({ id }) => `/books/${id}`, { title: "Renamed" })],
  [
    "a new ISBN",
    change(
      "PATCH",
      ({ id }) => `/books/${id}`,
      () => ({ isbn: newBook().isbn }),
    ),
  ],
  ["a change by ISBN", change("PUT", ({ isbn }) => `/books/isbn/${isbn}`, { author: "Another" })],
  ["a deletion", change("DELETE", ({ id }) => `/books/${id}`)],
  ["a sale of one book", change("POST", ({ id }) => `/books/${id}/stock`, { delta: -1 })],
  [
    "a sale",
    change(
      "POST",
      () => "/stock",
      ({ isbn }: Book) => ({ lines: [{ isbn, delta: -1 }] }),
    ),
  ],
  ["a count", change("PUT", ({ id }) => `/books/${id}/stock`, { stock: 8 })],
  ["a count by ISBN", change("PUT", ({ isbn }) => `/books/isbn/${isbn}/stock`, { stock: 8 })],
])("after %s no address of the book shows it as it was", async (_, [method, path, body]) => {
  const book = await createBook();
  const before: string[] = [];
  for (const [address, headers] of addressesOf(book)) before.push((await untilHit(address, headers)).text);
  const sent = typeof body === "function" ? body(book) : body;
  const answer = await editor(method, `/api/v1${path(book)}`, sent ? { body: sent } : {});
  expect(answer.status).toBeLessThan(300);
  for (const [at, [address, headers]] of addressesOf(book).entries()) {
    const after = await get(address, headers);
    expect([address, after.cache, after.text === before[at]]).toEqual([address, "miss", false]);
  }
});

test("a read that began before a write leaves nothing that is given after it", async () => {
  const { id } = await createBook();
  const path = `${BOOKS}/${id}`;
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  gate = { opened, waiting: 0 };
  const slow = get(path);
  await expect.poll(() => gate?.waiting).toBeGreaterThan(0);
  expect((await editor("PATCH", path, { body: { price: 77 } })).status).toBe(200);
  gate = undefined;
  open();
  expect((await slow).text).not.toContain('"price":77');
  for (let request = 0; request < 3; request++) expect((await get(path)).text).toContain('"price":77');
});

test("nothing is older than EDGE_CACHE_SECONDS", async () => {
  const seconds = 2;
  const { url } = await startWorker(database, { EDGE_CACHE_SECONDS: `${seconds}` });
  const { id } = await createBook();
  const ask = async (path: string) => {
    const sent = Date.now();
    const { headers, text } = await rawRequest(url, { path });
    return { sent, age: headers.get("Age"), text };
  };
  for (const path of [`${BOOKS}/${id}`, `${BOOKS}?id=${id}`]) {
    await expect.poll(async () => (await ask(path)).age).not.toBeNull();
    // Nobody tells the cache of this change.
    const [price, changed] = [`"price":${Math.floor(Math.random() * 900) + 100}`, Date.now()];
    await database.sql("update books set price = $2 where id = $1", [id, price.split(":")[1]]);
    for (let seen = await ask(path); !seen.text.includes(price); seen = await ask(path)) {
      expect(seen.sent - changed).toBeLessThan(seconds * 1000);
      expect(Number(seen.age)).toBeLessThan(seconds);
    }
  }
});

test("a write that nobody knows the outcome of makes its book a miss", async () => {
  const path = `${BOOKS}/${(await createBook()).id}`;
  const { stock } = JSON.parse((await untilHit(path)).text);
  isCut = true;
  const { status } = await editor("POST", `${path}/stock`, { body: { delta: 2, reason: "received" } });
  isCut = false;
  expect(status).toBe(503);
  const { cache, text } = await get(path);
  expect([cache, JSON.parse(text).stock]).toEqual(["miss", stock + 2]);
});

test("a write keeps entries out for as long as a replica may give what was there before", async () => {
  const variables = { EDGE_CACHE_SECONDS: "60", REPLICA_MAX_LAG: "59", DATABASE_READ_URL: database.url };
  const { url } = await startWorker(database, { ...variables, AUTH_SECRET: SECRET });
  const path = `${BOOKS}/${(await createBook()).id}`;
  const headers = { Authorization: `Bearer ${await tokenFor("editor")}`, "Content-Type": "application/json" };
  const write = { method: "PATCH", headers, body: JSON.stringify({ price: 3 }) };
  expect((await fetch(url + path, write)).status).toBe(200);
  // Entries are kept for a second. The mark of the write must not end with them.
  await sleep(1500);
  for (let read = 0; read < 4; read++)
    expect((await rawRequest(url, { path })).headers.get("Age")).toBeNull();
});

test("with a replica, nothing is given that it may have had before a write", async () => {
  const lag = 1;
  const variables = { EDGE_CACHE_SECONDS: "600", REPLICA_MAX_LAG: `${lag}`, DATABASE_READ_URL: database.url };
  const { url } = await startWorker(database, { ...variables, AUTH_SECRET: SECRET });
  const path = `${BOOKS}/${(await createBook()).id}`;
  const ageAfter = async () => (await rawRequest(url, { path })).headers.get("Age");
  await expect.poll(ageAfter).not.toBeNull();
  const body = JSON.stringify({ price: 3 });
  const headers = { Authorization: `Bearer ${await tokenFor("editor")}`, "Content-Type": "application/json" };
  expect((await fetch(url + path, { method: "PATCH", headers, body })).status).toBe(200);
  const written = Date.now();
  await expect.poll(ageAfter, { timeout: 20_000 }).not.toBeNull();
  expect(Date.now() - written).toBeGreaterThanOrEqual(lag * 1000 - 100);
  const { headers: told, text } = await rawRequest(url, { path });
  expect(text).toContain('"price":3');
  expect(told.get("Cache-Control")).toContain(`s-maxage=${600 - lag}`);
});
