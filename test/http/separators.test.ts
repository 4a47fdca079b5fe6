/** Parsing takes linear time. A quadratic parser would exceed the time limit of a test. */
import { beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { connectOver, direct } from "../../src/db/connection.ts";
import { pooledDriver } from "../../src/db/pool.ts";
import { clientAddress } from "../../src/http/address.ts";
import type { App } from "../../src/http/exchange.ts";
import { parseServerConfig } from "../../src/server-config.ts";
import { createTestDatabase } from "../support/database.ts";
import { atEnd } from "../support/end.ts";
import { SECRET, tokenFor } from "../support/token.ts";

/** More than servers accept. Quadratic work on it takes a minute. */
const LENGTH = 200_000;

const SEPARATORS = [...` \t,;"'\\:()[]<>.=/-+&?%*|`, ", ", " ,", "; ", '","', '"x" ', "%20", "=&"];

const BOOK = "/api/v1/books/00000000-0000-7000-8000-000000000000";
const JSON_TYPE = { "Content-Type": "application/json" };

/** Every header that the app reads: a request that uses it, and the text before the separators. */
const HEADERS: Record<string, [method: string, path: string, before: string[]]> = {
  accept: ["GET", "/", ["", "text/html", "text/html;", "text/html;q", "text/html;q=0."]],
  "accept-encoding": ["GET", "/", ["", "gzip", "gzip;", "gzip;q", "gzip;q=0."]],
  authorization: ["GET", "/api/v1/tasks", ["", "Bearer", "Bearer ", "Bearer a", "Bearer a.b."]],
  "cache-control": ["GET", BOOK, ["", "no-cache,", "max-age=", 'max-age="']],
  "content-encoding": ["POST", "/api/v1/books", ["", "a,"]],
  "content-length": ["POST", "/api/v1/books", ["", "1"]],
  "content-type": [
    "POST",
    "/api/v1/books",
    ["", "application/json", "application/json;", "application/json;a", "application/json; charset="],
  ],
  cookie: ["GET", BOOK, ["", "a=", "octavo_staff="]],
  host: ["GET", "/health", ["", "a", "a:", "["]],
  "idempotency-key": ["POST", "/api/v1/books", ["", "a"]],
  "if-match": ["PATCH", BOOK, ["", ",", '"', '"a"', "W/", 'W/"a"']],
  "if-none-match": ["GET", BOOK, ["", ",", '"', '"a"', "W/", 'W/"a"']],
  origin: ["OPTIONS", BOOK, ["", "https://a"]],
  pragma: ["GET", BOOK, ["", "no-cache,"]],
  traceparent: ["GET", "/health", ["", "00", "00-", `00-${"a".repeat(32)}-`]],
  "x-forwarded-for": ["GET", "/health", ["", "1", "1.2.3.4", "[", "[::1]", "[::1]:1", "::1", "fe80::1%"]],
  "x-octavo-position": ["GET", BOOK, ["", "a"]],
  "x-request-id": ["GET", "/health", ["", "a"]],
};

/** A cache that has nothing. */
const EMPTY = { match: async () => undefined, put: async () => {} };

let app: App;
let token: string;
/** The names of the headers that the app has read. */
const read = new Set<string>();

beforeAll(async () => {
  const { url } = await createTestDatabase();
  const variables = { AUTH_SECRET: SECRET, RATE_LIMIT: "off", EDGE_CACHE_SECONDS: "60" };
  const config = await parseServerConfig({ DATABASE_URL: url, ...variables });
  const driver = pooledDriver({ url, size: 2, timeout: config.deadline });
  atEnd(() => driver.end());
  const readAsset = async () => new Uint8Array();
  app = createApp({ config, connect: connectOver(direct(driver)), log: () => {}, readAsset, entries: EMPTY });
  token = await tokenFor("admin");
  const { get, has } = Headers.prototype;
  Headers.prototype.get = function (name) {
    read.add(name.toLowerCase());
    return get.call(this, name);
  };
  Headers.prototype.has = function (name) {
    read.add(name.toLowerCase());
    return has.call(this, name);
  };
});

/** What only the reads of a cache look at, which are anonymous. */
const isCached = (headers: Record<string, string>) =>
  ["cache-control", "cookie", "pragma"].some((name) => name in headers);

/** Sends a request to the app like a server, and expects a response that is not a server error. */
async function send(method: string, path: string, headers: Record<string, string>, body?: string) {
  const request = new Request(`http://127.0.0.1${path}`, {
    method,
    headers: { ...(isCached(headers) ? {} : { Authorization: `Bearer ${token}` }), ...headers },
    ...(body !== undefined && { body }),
  });
  const response = await app.fetch(request, { address: clientAddress(request, "127.0.0.1", 1) });
  expect(response.status, await response.text()).toBeLessThan(500);
  return response.status;
}

const run = (separator: string) => separator.repeat(LENGTH / separator.length);

describe.each(Object.entries(HEADERS))("%s", (name, [method, path, before]) => {
  test.for(before)("many separators after %j take linear time", async (start, { signal }) => {
    for (const separator of SEPARATORS) {
      signal.throwIfAborted();
      const body = method.startsWith("P") ? "{}" : undefined;
      await send(method, path, { ...JSON_TYPE, [name]: `${start}${run(separator)}x` }, body);
    }
  });
});

test("every header that the app reads is tested", () => {
  // Cloudflare sets CF-Connecting-IP, and the entry of Workers reads it.
  expect([...read].sort()).toEqual(Object.keys(HEADERS).sort());
});

test("paths, queries and texts with many separators are parsed in linear time", async ({ signal }) => {
  for (const separator of SEPARATORS.map(run)) {
    signal.throwIfAborted();
    await send("GET", `/${separator}x`, {});
    await send("GET", `/books/9780306406157${separator}x`, {});
    for (const start of ["", "search=", "cursor=", "isbn=978", "min_price=1"]) {
      await send("GET", `/api/v1/books?${start}${encodeURI(separator)}x`, {});
      await send("GET", `/?${start}${encodeURI(separator)}x`, {});
    }
    const book = { title: `x${separator}x`, isbn: `978${separator}x`, [separator]: 1 };
    await send("POST", "/api/v1/books", JSON_TYPE, JSON.stringify(book));
  }
});

test.each(["title", "author", "description"])("many marks in a %s take linear time", async (member) => {
  // Normalisation moves each mark of the second kind before all marks of the first.
  const text = `a${"\u0301".repeat(LENGTH)}${"\u0323".repeat(LENGTH)}`;
  expect(await send("PATCH", BOOK, JSON_TYPE, JSON.stringify({ [member]: text }))).toBe(422);
  expect(await send("GET", `/api/v1/books?search=${encodeURIComponent(text)}`, {})).toBe(422);
});
