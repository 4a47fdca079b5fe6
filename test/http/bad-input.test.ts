/** Bad input: the code of every fault, the order of checks, and responses that reveal nothing internal. */
import { gzipSync } from "node:zlib";
import { SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { isbnOf, newBook } from "../support/books.ts";
import { expectSafe } from "../support/checker.ts";
import { type Answer, type Client, createClient, type Options, rawRequest } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { startWorker, type TestWorker } from "../support/worker.ts";

const AUTH_SECRET = "the secret of the tests of bad input";
const MISSING = "00000000-0000-7000-8000-000000000000";
const MIB = 1024 * 1024;
const JSON_TYPE = { "Content-Type": "application/json" };
const INSIDES =
  /\b(select|insert into|delete from|returning)\b|postgres|pg_|octavo_|books_|tasks_|drizzle|neon|relation|constraint|\n\s*at |\.[jt]s\b/i;

let api: Client;
let database: TestDatabase;
let worker: TestWorker;
let admin: string;

beforeAll(async () => {
  database = await createTestDatabase();
  worker = await startWorker(database, { AUTH_SECRET });
  api = await createClient(worker.url);
  admin = await bearer("admin");
});

async function bearer(role: string): Promise<string> {
  const token = new SignJWT({ roles: [role] })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("tester")
    .setExpirationTime("1h");
  return `Bearer ${await token.sign(new TextEncoder().encode(AUTH_SECRET))}`;
}

/** Checks every response of this file. */
function checked<T extends Pick<Answer, "status" | "headers" | "text">>(answer: T): T {
  const { status, headers, text } = answer;
  expect(text).not.toMatch(INSIDES);
  expectSafe(headers);
  if (status < 400 || text === "") return answer;
  const problem = JSON.parse(text);
  expect(headers.get("Content-Type")).toBe("application/problem+json");
  expect(headers.get("Cache-Control")).toBe("no-store");
  expect(problem).toMatchObject({ type: `/problems/${problem.error}`, status, detail: problem.message });
  expect(problem.request_id).toBe(headers.get("X-Request-Id"));
  expect("details" in problem).toBe(problem.error === "validation_failed");
  return answer;
}

const send = async (method: string, path: string, { headers, ...options }: Options = {}) =>
  checked(await api(method, path, { ...options, headers: { Authorization: admin, ...headers } }));

/** The outcome in short: status, error, and each fault as "place path code". */
function outcome({ status, json }: Answer): unknown[] {
  const details: Record<string, string>[] = json?.details ?? [];
  return [status, json?.error, ...details.map((fault) => `${fault.in} ${fault.path} ${fault.code}`).sort()];
}

const invalid = (...faults: string[]) => [422, "validation_failed", ...faults.sort()];

const POST_BOOK = ["POST", "/api/v1/books"] as const;
const POST_TASK = ["POST", "/api/v1/tasks"] as const;
const PUT_BOOK = ["PUT", `/api/v1/books/${MISSING}`] as const;
const PATCH_BOOK = ["PATCH", `/api/v1/books/${MISSING}`] as const;
const POST_STOCK = ["POST", `/api/v1/books/${MISSING}/stock`] as const;
const PUT_STOCK = ["PUT", `/api/v1/books/${MISSING}/stock`] as const;
const POST_SALE = ["POST", "/api/v1/stock"] as const;
const PATCH_TASK = ["PATCH", `/api/v1/tasks/${MISSING}`] as const;
const WRITES = [POST_BOOK, PUT_BOOK, PATCH_BOOK, POST_STOCK, PUT_STOCK, POST_SALE, POST_TASK, PATCH_TASK];

test.each<[string, string | Uint8Array]>([
  ["truncated JSON", '{"title":"Du'],
  ["nothing", ""],
  ["white space", " \n"],
  ["two documents", "{}{}"],
  ["a number that JSON does not know", '{"price":NaN}'],
  ["invalid UTF-8", Buffer.from('{"title":"\xff"}', "latin1")],
  ["overlong UTF-8", Buffer.from('{"title":"\xc0\xaf"}', "latin1")],
  ["a surrogate in UTF-8", Buffer.from('{"title":"\xed\xa0\x80"}', "latin1")],
  ["UTF-16", Buffer.from("\ufeff{}", "utf16le")],
])("a body of %s returns invalid_json", async (_, raw) => {
  for (const [method, path] of WRITES) {
    expect(outcome(await send(method, path, { raw, headers: JSON_TYPE }))).toEqual([400, "invalid_json"]);
  }
});

test.each(["[]", "[{}]", "null", '"text"', "1", "true"])("a body of %s is not an object", async (raw) => {
  for (const [method, path] of WRITES) {
    expect(outcome(await send(method, path, { raw, headers: JSON_TYPE }))).toEqual(
      invalid("body  invalid_type"),
    );
  }
});

test.each<[string, Record<string, string>]>([
  ["no Content-Type", {}],
  ["plain text", { "Content-Type": "text/plain" }],
  ["a form", { "Content-Type": "application/x-www-form-urlencoded" }],
  ["a multipart form", { "Content-Type": "multipart/form-data; boundary=x" }],
  ["text/json", { "Content-Type": "text/json" }],
  ["a type that only begins alike", { "Content-Type": "application/jsonp" }],
  ["another type in JSON", { "Content-Type": "application/vnd.api+json" }],
  ["two types", { "Content-Type": "application/json, text/plain" }],
  ["another charset", { "Content-Type": "application/json; charset=latin1" }],
  ["another charset, in quotes", { "Content-Type": 'application/json; charset="utf-16"' }],
  ["an encoding", { ...JSON_TYPE, "Content-Encoding": "gzip" }],
  ["the encoding that is none", { ...JSON_TYPE, "Content-Encoding": "identity" }],
])("%s returns 415", async (_, headers) => {
  const raw = gzipSync("{}");
  for (const [method, path] of WRITES) {
    expect(outcome(await send(method, path, { raw, headers }))).toEqual([415, "unsupported_media_type"]);
  }
});

test.each([
  "application/json",
  "Application/JSON",
  "application/json; charset=UTF-8",
  'application/json ;charset="utf-8"',
  "application/json; version=1",
])("a body of the type %s is accepted", async (type) => {
  const { status, json } = await send(...POST_TASK, {
    raw: '{"title":"Dust"}',
    headers: { "Content-Type": type },
  });
  expect([status, json.title]).toEqual([201, "Dust"]);
});

test("a byte order mark is ignored", async () => {
  const { status } = await send(...POST_TASK, { raw: '\ufeff{"title":"Dust"}', headers: JSON_TYPE });
  expect(status).toBe(201);
});

describe("a body", () => {
  const ofBytes = (bytes: number) => Buffer.from(`{"title":"${"a".repeat(bytes - 12)}"}`);
  const chunked = async (bytes: number) => {
    const body = ofBytes(bytes);
    const chunks = Array.from({ length: 16 }, (_, at) =>
      body.subarray((at * bytes) / 16, ((at + 1) * bytes) / 16),
    );
    const headers = { ...JSON_TYPE, Authorization: admin };
    const path = "/api/v1/tasks";
    const { status, text } = checked(await rawRequest(worker.url, { method: "POST", path, headers, chunks }));
    return [status, JSON.parse(text).error];
  };

  test("a body of 1 MiB is accepted", async () => {
    const { status, json } = await send(...POST_TASK, { raw: ofBytes(MIB), headers: JSON_TYPE });
    expect([status, json.details[0].code]).toEqual([422, "too_long"]);
    expect(await chunked(MIB)).toEqual([422, "validation_failed"]);
  });

  // CVE-2026-44456: Hono's body limit accepted larger bodies without Content-Length.
  test("a body above 1 MiB returns 413, with or without Content-Length", async () => {
    const answer = await send(...POST_TASK, { raw: ofBytes(MIB + 1), headers: JSON_TYPE });
    expect(outcome(answer)).toEqual([413, "payload_too_large"]);
    expect(await chunked(MIB + 16)).toEqual([413, "payload_too_large"]);
    expect(await chunked(2 * MIB)).toEqual([413, "payload_too_large"]);
  });
});

describe("the fields of a book", () => {
  test.each<[string, Record<string, unknown>, string[]]>([
    ["title of another type", { title: 5 }, ["title invalid_type"]],
    ["title that is null", { title: null }, ["title invalid_type"]],
    ["title that is empty", { title: "" }, ["title too_short"]],
    ["title of white space", { title: " \t\u00a0\u3000\n" }, ["title too_short"]],
    ["title of 256 characters", { title: "a".repeat(256) }, ["title too_long"]],
    ["title of 256 code points", { title: "𝔸".repeat(256) }, ["title too_long"]],
    ["title with half a surrogate pair", { title: "a\ud800" }, ["title invalid_format"]],
    ["title with U+0000", { title: "a\0b" }, ["title invalid_format"]],
    [
      "title with 31 combining marks in a row",
      { title: `a${"\u0301".repeat(31)}` },
      ["title invalid_format"],
    ],
    ["author that is empty", { author: "  " }, ["author too_short"]],
    ["author of 256 characters", { author: "a".repeat(256) }, ["author too_long"]],
    ["author that is a list", { author: ["Frank Herbert"] }, ["author invalid_type"]],
    ["author with half a surrogate pair", { author: "\udc00a" }, ["author invalid_format"]],
    ["description of another type", { description: {} }, ["description invalid_type"]],
    ["description of 10,001 characters", { description: "a".repeat(10_001) }, ["description too_long"]],
    ["description with U+0000", { description: "\0" }, ["description invalid_format"]],
    ["ISBN-13 with a wrong check digit", { isbn: "9780306406158" }, ["isbn invalid_isbn"]],
    ["ISBN-10 with a wrong check digit", { isbn: "0-306-40615-X" }, ["isbn invalid_isbn"]],
    ["ISBN with another prefix", { isbn: "9770306406158" }, ["isbn invalid_isbn"]],
    ["ISBN of zeros", { isbn: "0000000000000" }, ["isbn invalid_isbn"]],
    ["ISBN that is too short", { isbn: "978030640615" }, ["isbn invalid_isbn"]],
    ["ISBN that is too long", { isbn: "97803064061570" }, ["isbn invalid_isbn"]],
    ["ISBN-10 of zeros", { isbn: "0-00-000000-0" }, ["isbn invalid_isbn"]],
    ["ISBN of printed music", { isbn: "979-0-2600-0043-8" }, ["isbn invalid_isbn"]],
    ["ISBN in other digits", { isbn: "٩٧٨٠٣٠٦٤٠٦١٥٧" }, ["isbn invalid_isbn"]],
    ["ISBN that is empty", { isbn: "" }, ["isbn invalid_isbn"]],
    ["ISBN that is a number", { isbn: 9780306406157 }, ["isbn invalid_type"]],
    ["price below 0", { price: -0.01 }, ["price out_of_range"]],
    ["price above the maximum", { price: 100_000_000 }, ["price out_of_range"]],
    ["price of three decimals", { price: 1.234 }, ["price invalid_format"]],
    ["price that a float made", { price: 0.1 + 0.2 }, ["price invalid_format"]],
    ["price that rounds to 0", { price: 1e-7 }, ["price invalid_format"]],
    ["price that is text", { price: "12" }, ["price invalid_type"]],
    ["price that is null", { price: null }, ["price invalid_type"]],
    ["price that is a boolean", { price: true }, ["price invalid_type"]],
    ["stock below 0", { stock: -1 }, ["stock out_of_range"]],
    ["stock above the maximum", { stock: 2_147_483_648 }, ["stock out_of_range"]],
    ["stock far above the maximum", { stock: 1e300 }, ["stock out_of_range"]],
    ["stock of a half", { stock: 1.5 }, ["stock invalid_type"]],
    ["stock that is text", { stock: "12" }, ["stock invalid_type"]],
    ["stock that is null", { stock: null }, ["stock invalid_type"]],
    ["unknown members", { titel: "Dune", colour: 1 }, ["titel unknown_field", "colour unknown_field"]],
    [
      "members that every object inherits",
      // In brackets, because a plain __proto__ would set the prototype.
      { ["__proto__"]: { stock: 1 }, constructor: 1, toString: 1 },
      ["__proto__ unknown_field", "constructor unknown_field", "toString unknown_field"],
    ],
    [
      "many faults at once",
      { title: "", author: 1, isbn: "x", price: -1, stock: 1.5, description: false, colour: "red" },
      [
        "title too_short",
        "author invalid_type",
        "isbn invalid_isbn",
        "price out_of_range",
        "stock invalid_type",
        "description invalid_type",
        "colour unknown_field",
      ],
    ],
    ["free book in stock that has another fault", { price: 0, stock: 1, title: "" }, ["title too_short"]],
    ["free book in stock with a typo", { price: 0, stock: 1, colour: "red" }, ["colour unknown_field"]],
  ])("a book with %s reports every fault", async (_, members, faults) => {
    const expected = invalid(...faults.map((fault) => `body ${fault}`));
    for (const [method, path] of [POST_BOOK, PUT_BOOK, PATCH_BOOK]) {
      expect(outcome(await send(method, path, { body: newBook(members) }))).toEqual(expected);
    }
  });

  test.each(["1e400", "-1e400"])("a price of %s is out of range", async (number) => {
    const raw = JSON.stringify(newBook({ price: "?", stock: "?" })).replaceAll('"?"', number);
    for (const [method, path] of [POST_BOOK, PUT_BOOK, PATCH_BOOK]) {
      expect(outcome(await send(method, path, { raw, headers: JSON_TYPE }))).toEqual(
        invalid("body price out_of_range", "body stock out_of_range"),
      );
    }
  });

  test.each<[string, Record<string, unknown>]>([
    ["255 characters and white space around them", { title: ` ${"a".repeat(255)} ` }],
    ["255 characters once they are composed", { author: "e\u0301".repeat(255) }],
    ["30 combining marks in a row", { title: `a${"\u0301".repeat(30)}` }],
    ["description of 10,000 characters", { description: "𝔸".repeat(10_000) }],
    ["empty description", { description: "" }],
    ["whole number with decimals", { stock: 3.0, price: 12.5 }],
  ])("a book with %s is valid", async (_, members) => {
    expect((await send(...POST_BOOK, { body: newBook(members) })).status).toBe(201);
  });

  test("every missing member is reported", async () => {
    expect(outcome(await send(...POST_BOOK, { body: {} }))).toEqual(
      invalid("body title required", "body author required", "body isbn required", "body price required"),
    );
  });

  test("a free book cannot have stock", async () => {
    expect(outcome(await send(...POST_BOOK, { body: newBook({ price: 0 }) }))).toEqual(
      invalid("body price zero_price_with_stock"),
    );
  });

  test("a new book must not have read-only members", async () => {
    const body = newBook({ id: MISSING, created_at: "2026-03-28T12:00:00.123456Z", updated_at: null });
    expect(outcome(await send(...POST_BOOK, { body }))).toEqual(
      invalid("body id unknown_field", "body created_at unknown_field", "body updated_at unknown_field"),
    );
  });
});

test.each<[readonly [string, string], unknown, string[]]>([
  [POST_TASK, {}, ["title required"]],
  [POST_TASK, { title: "" }, ["title too_short"]],
  [POST_TASK, { title: "a\0" }, ["title invalid_format"]],
  [POST_TASK, { title: "Dust", completed: true, id: 1 }, ["completed unknown_field", "id unknown_field"]],
  [PATCH_TASK, { title: "a".repeat(256), completed: "true" }, ["title too_long", "completed invalid_type"]],
  [PATCH_TASK, { completed: null, done: true }, ["completed invalid_type", "done unknown_field"]],
  [PATCH_TASK, { completed: 1 }, ["completed invalid_type"]],
])("the request %j with the task %j reports every fault", async ([method, path], body, faults) => {
  const expected = invalid(...faults.map((fault) => `body ${fault}`));
  expect(outcome(await send(method, path, { body }))).toEqual(expected);
});

test.each<[string, Record<string, unknown>, string[]]>([
  ["no members", {}, ["delta required"]],
  ["delta of 0", { delta: 0 }, ["delta out_of_range"]],
  ["delta of a half", { delta: 0.5 }, ["delta invalid_type"]],
  ["delta that is text", { delta: "1" }, ["delta invalid_type"]],
  ["delta that is true", { delta: true }, ["delta invalid_type"]],
  ["delta that is null", { delta: null }, ["delta invalid_type"]],
  ["delta that is a list", { delta: [1] }, ["delta invalid_type"]],
  ["delta above int32", { delta: 2_147_483_648 }, ["delta out_of_range"]],
  ["delta below int32", { delta: -2_147_483_649 }, ["delta out_of_range"]],
  ["delta far below int32", { delta: -1e300 }, ["delta out_of_range"]],
  ["empty reason", { delta: 1, reason: "" }, ["reason too_short"]],
  ["reason of white space", { delta: 1, reason: " \u3000\n" }, ["reason too_short"]],
  ["reason of 101 characters", { delta: 1, reason: "a".repeat(101) }, ["reason too_long"]],
  ["reason that is a number", { delta: 1, reason: 5 }, ["reason invalid_type"]],
  ["reason with U+0000", { delta: 1, reason: "a\0" }, ["reason invalid_format"]],
  ["reason with a lone surrogate", { delta: 1, reason: "\ud800" }, ["reason invalid_format"]],
  [
    "members of a movement",
    { delta: 1, stock_after: 1, id: 1 },
    ["stock_after unknown_field", "id unknown_field"],
  ],
  [
    "many faults",
    { delta: 0, reason: 1, why: 1 },
    ["delta out_of_range", "reason invalid_type", "why unknown_field"],
  ],
])("a stock change with %s reports every fault", async (_, body, faults) => {
  const expected = invalid(...faults.map((fault) => `body ${fault}`));
  expect(outcome(await send(...POST_STOCK, { body }))).toEqual(expected);
});

test.each(["-0.0", "0e5", "1e400", "-1e400"])("a stock change by %s is out of range", async (number) => {
  expect(outcome(await send(...POST_STOCK, { raw: `{"delta":${number}}`, headers: JSON_TYPE }))).toEqual(
    invalid("body delta out_of_range"),
  );
});

describe("the query of a listing", () => {
  test.each([
    ["limit=0", "limit out_of_range"],
    ["limit=-1", "limit invalid_type"],
    ["limit=%2B5", "limit invalid_type"],
    ["limit=5.5", "limit invalid_type"],
    ["limit=1e9", "limit invalid_type"],
    ["limit=0x10", "limit invalid_type"],
    ["limit=abc", "limit invalid_type"],
    ["limit=%205", "limit invalid_type"],
    ["limit=", "limit invalid_type"],
    ["limit", "limit invalid_type"],
    ["limit=5&limit=6", "limit invalid_format"],
    ["limit=5&limit=5", "limit invalid_format"],
    ["cursor=", "cursor too_short"],
    ["cursor=a&cursor=b", "cursor invalid_format"],
    ["search=a&search=b", "search invalid_format"],
    ["search=a%00b", "search invalid_format"],
    ["author=%00", "author invalid_format"],
    [`author=${"a".repeat(201)}`, "author too_long"],
    [`search=${"a".repeat(201)}`, "search too_long"],
    ["sort=relevance", "sort invalid_format"],
    ["isbn=9780306406158", "isbn invalid_isbn"],
    ["isbn=", "isbn invalid_isbn"],
    ["min_price=-1", "min_price invalid_type"],
    ["min_price=1.234", "min_price invalid_type"],
    ["min_price=1e2", "min_price invalid_type"],
    ["max_price=free", "max_price invalid_type"],
    ["max_price=", "max_price invalid_type"],
    ["max_price=100000000", "max_price out_of_range"],
    ["min_price=9&max_price=8.99", "min_price out_of_range"],
    ["min_price=10&max_price=9", "min_price out_of_range"],
    ["in_stock=yes", "in_stock invalid_type"],
    ["in_stock=TRUE", "in_stock invalid_type"],
    ["in_stock=", "in_stock invalid_type"],
    ["sort=isbn", "sort invalid_format"],
    ["sort=--title", "sort invalid_format"],
    ["sort=title,price", "sort invalid_format"],
    ["sort=", "sort invalid_format"],
    ["count=all", "count invalid_format"],
    ["count=", "count invalid_format"],
    ["page=0", "page out_of_range"],
    ["page=-1", "page invalid_type"],
    ["page=1.5", "page invalid_type"],
    ["page=", "page invalid_type"],
    ["page=5001", "page out_of_range"],
    ["page=1001&limit=100", "page out_of_range"],
    ["page=1001&limit=1000", "page out_of_range"],
    ["page=99999999999999999999", "page out_of_range"],
    ["page=1&count=exact", "page invalid_format"],
    ["=1", " unknown_field"],
    ["=1&=2&limit=0", " unknown_field", "limit out_of_range"],
    ...["%FF", "%C3%28", "%E2%82", "%ED%A0%80", "%F5%80%80%80", "%C0%AF", "caf%e9", "%zz%ff"].map((bytes) => [
      `search=${bytes}`,
      "search invalid_format",
    ]),
    ["search=a&search=%FF", "search invalid_format"],
    ["limit=%FF&sort=%FF&colour=red", "limit invalid_format", "sort invalid_format", "colour unknown_field"],
    ["min_price=9&max_price=%FF", "max_price invalid_format"],
    ["%FF=1", "\ufffd invalid_format"],
    ["limit%FF", "limit\ufffd invalid_format"],
    ["=%FF", " invalid_format"],
    ["Limit=5", "Limit unknown_field"],
    ["colour=red&size=", "colour unknown_field", "size unknown_field"],
    ["__proto__=1", "__proto__ unknown_field"],
    ["constructor=1&toString=1", "constructor unknown_field", "toString unknown_field"],
    [
      "limit=0&sort=x&in_stock=x&__proto__=1",
      "limit out_of_range",
      "sort invalid_format",
      "in_stock invalid_type",
      "__proto__ unknown_field",
    ],
    ["min_price=9&max_price=1&limit=0", "min_price out_of_range", "limit out_of_range"],
    ["min_price=9&max_price=1&colour=red", "min_price out_of_range", "colour unknown_field"],
    ["page=1&count=exact&colour=red", "page invalid_format", "colour unknown_field"],
  ])("the listing of books with %s reports every fault", async (query, ...faults) => {
    expect(outcome(await send("GET", `/api/v1/books?${query}`))).toEqual(
      invalid(...faults.map((fault) => `query ${fault}`)),
    );
  });

  test.each([
    ["completed=yes", "completed invalid_type"],
    ["completed=", "completed invalid_type"],
    ["completed=true&completed=true", "completed invalid_format"],
    ["limit=0&page=1&sort=title", "limit out_of_range", "page unknown_field", "sort unknown_field"],
  ])("the listing of tasks with %s reports every fault", async (query, ...faults) => {
    expect(outcome(await send("GET", `/api/v1/tasks?${query}`))).toEqual(
      invalid(...faults.map((fault) => `query ${fault}`)),
    );
  });

  test.each([
    ["limit=0", "limit out_of_range"],
    ["cursor=", "cursor too_short"],
    ["cursor=a&cursor=b", "cursor invalid_format"],
    ["page=1&count=exact&reason=sale", "page unknown_field", "count unknown_field", "reason unknown_field"],
  ])("the listing of movements with %s reports every fault", async (query, ...faults) => {
    expect(outcome(await send("GET", `/api/v1/books/${MISSING}/stock/movements?${query}`))).toEqual(
      invalid(...faults.map((fault) => `query ${fault}`)),
    );
  });

  test.each([
    ["limit=1000000000", 100],
    [`limit=${"9".repeat(400)}`, 100],
    ["limit=007", 7],
    ["page=5000", 20],
    ["page=1000&limit=1000", 100],
    ["min_price=1.50&max_price=1.5", 20],
    ["search=%25%&author=%zz%C3%A9+%2", 20],
    ["search=%EF%BF%BD", 20],
  ])("the query %s is valid", async (query, limit) => {
    const { status, json } = await send("GET", `/api/v1/books?${query}`);
    expect([status, json.limit]).toEqual([200, limit]);
  });

  test("a page number and a cursor are mutually exclusive", async () => {
    for (let count = 0; count < 2; count++) await send(...POST_BOOK, { body: newBook() });
    const { next_cursor } = (await send("GET", "/api/v1/books?limit=1")).json;
    expect(outcome(await send("GET", `/api/v1/books?limit=1&page=1&cursor=${next_cursor}`))).toEqual(
      invalid("query page invalid_format"),
    );
  });

  test("an invalid cursor is reported before another parameter's fault", async () => {
    for (const query of ["cursor=x&limit=0", "cursor=x&colour=red", "cursor=x&sort=x", "cursor=x&page=1"]) {
      expect(outcome(await send("GET", `/api/v1/books?${query}`))).toEqual([400, "invalid_cursor"]);
    }
  });
});

test.each<[string, string, Options]>([
  ...(["GET", "PUT", "PATCH", "DELETE"] as const).map((method): [string, string, Options] => [
    method,
    `/api/v1/books/${MISSING}`,
    method.startsWith("P") ? { body: {} } : {},
  ]),
  ["GET", "/health", {}],
  ["GET", "/problems/conflict", {}],
  ["GET", "/api/v1/books/isbn/9780306406157", {}],
  ["POST", "/api/v1/books", { body: newBook() }],
  ["POST", `/api/v1/books/${MISSING}/stock`, { body: { delta: 1 } }],
  ["POST", "/api/v1/tasks", { body: { title: "Dust" } }],
  ["GET", `/api/v1/tasks/${MISSING}`, {}],
  ["DELETE", `/api/v1/tasks/${MISSING}`, {}],
])("%s %s rejects query parameters", async (method, path, options) => {
  expect(outcome(await send(method, `${path}?dry_run=true&limit=5`, options))).toEqual(
    invalid("query dry_run unknown_field", "query limit unknown_field"),
  );
});

test.each([
  ["GET", "/api/v1/books?=1", undefined, "A parameter has an empty name."],
  ["GET", "/health?=1", undefined, "A parameter has an empty name."],
  ["GET", "/api/v1/books?=%FF", undefined, "A parameter must be percent-encoded UTF-8."],
  ["GET", "/api/v1/books?search=%FF", undefined, "search must be percent-encoded UTF-8."],
  ["GET", "/health?search=%FF", undefined, "search must be percent-encoded UTF-8."],
  ["PATCH", `/api/v1/books/${MISSING}`, { "": 1 }, "A field has an empty name."],
  ["PATCH", `/api/v1/books/${MISSING}`, [], "The body must be a JSON object."],
])("%s %s with %j returns the message: %s", async (method, path, body, sentence) => {
  const { status, json } = await send(method, path, { body });
  expect([status, json.message]).toEqual([422, sentence]);
});

test("the faults of query and body are reported together", async () => {
  expect(outcome(await send("POST", "/api/v1/books?dry_run=true", { body: newBook({ price: -1 }) }))).toEqual(
    invalid("query dry_run unknown_field", "body price out_of_range"),
  );
});

describe("the size of error responses", () => {
  const names = (count: number, prefix = "m") => Array.from({ length: count }, (_, at) => prefix + at);
  const members = (count: number) => Object.fromEntries(names(count).map((name) => [name, 1]));
  const unknown = (place: string, names: string[]) => names.map((name) => `${place} ${name} unknown_field`);

  /** The errors in order, what was left out, and the sentence. */
  async function refused(method: string, path: string, options: Options = {}) {
    const { status, text, json } = await send(method, path, options);
    expect([status, json.error]).toEqual([422, "validation_failed"]);
    expect(text.length).toBeLessThan(32_768);
    expect(text.isWellFormed()).toBe(true);
    const details: Record<string, string>[] = json.details;
    return {
      faults: details.map((fault) => `${fault.in} ${fault.path} ${fault.code}`),
      omitted: json.details_omitted,
      message: json.message,
    };
  }

  test.each([
    [99, undefined, "The request has 99 validation errors; details lists all of them."],
    [100, undefined, "The request has 100 validation errors; details lists all of them."],
    [101, 1, "The request has 101 validation errors; details lists the first 100 of them."],
    [90_000, 89_900, "The request has 90000 validation errors; details lists the first 100 of them."],
  ])("a response to %i unknown members lists 100 errors at most", async (count, omitted, message) => {
    expect(await refused(...PATCH_BOOK, { body: members(count) })).toEqual({
      faults: unknown("body", names(Math.min(count, 100))),
      omitted,
      message,
    });
  });

  test.each(["/api/v1/books", "/api/v1/tasks", "/health", `/api/v1/books/${MISSING}`])(
    "a response to 2,500 unknown parameters of %s lists 100 faults at most",
    async (path) => {
      expect(await refused("GET", `${path}?${names(2_500).join("&")}`)).toEqual({
        faults: unknown("query", names(100)),
        omitted: 2_400,
        message: "The request has 2500 validation errors; details lists the first 100 of them.",
      });
    },
  );

  test("a response to many faults of query and body lists the first of them", async () => {
    const body = { title: "", price: -1, ...members(80) };
    const malformed = names(20, "n").map((name) => `${name}=%FF`);
    expect(
      await refused("POST", `/api/v1/books?${[...names(30), ...malformed].join("&")}`, { body }),
    ).toEqual({
      faults: [
        ...names(20, "n").map((name) => `query ${name} invalid_format`),
        ...unknown("query", names(30)),
        "body title too_short",
        "body author required",
        "body isbn required",
        "body price out_of_range",
        ...unknown("body", names(46)),
      ],
      omitted: 34,
      message: "The request has 134 validation errors; details lists the first 100 of them.",
    });
  });

  test("a response to a member with many members is short", async () => {
    const { faults, omitted } = await refused(...PATCH_BOOK, { body: { title: members(90_000) } });
    expect([faults, omitted]).toEqual([["body title invalid_type"], undefined]);
  });

  test.each([
    ["100 characters", "a".repeat(100), "a".repeat(100)],
    ["101 characters", "a".repeat(101), `${"a".repeat(99)}…`],
    ["a million characters", "a".repeat(1_000_000), `${"a".repeat(99)}…`],
    ["a surrogate pair where it is cut", `${"a".repeat(98)}😀😀`, `${"a".repeat(98)}…`],
    ["a lone surrogate", "a\ud800", "a\ufffd"],
    ["a lone surrogate, cut", `\ud800${"a".repeat(200)}`, `\ufffd${"a".repeat(98)}…`],
  ])("a response to an unknown member with a name of %s shortens it", async (_, name, shown) => {
    expect(await refused(...PATCH_BOOK, { body: { [name]: 1 } })).toEqual({
      faults: unknown("body", [shown]),
      omitted: undefined,
      message: `${shown} is not a known field.`,
    });
    if (name.length > 1000 || !name.isWellFormed()) return;
    const { faults } = await refused("GET", `/health?${encodeURIComponent(name)}=1`);
    expect(faults).toEqual(unknown("query", [shown]));
  });
});

test.each([
  "1",
  MISSING.replaceAll("-", ""),
  `${MISSING}0`,
  `{${MISSING}}`,
  MISSING.replace("7", "g"),
  `${MISSING}%00`,
  `${MISSING}%0A`,
  "%FF",
  "..%2Fbooks",
  "constructor",
])("the id %s returns 404", async (id) => {
  for (const [method, body] of [["GET"], ["PATCH", {}], ["DELETE"]] as const) {
    for (const path of [`/api/v1/books/${id}`, `/api/v1/tasks/${id}`]) {
      expect(outcome(await send(method, path, { body }))).toEqual([404, "not_found"]);
    }
  }
  for (const [method, path, body] of [
    ["POST", "stock", { delta: 1 }],
    ["PUT", "stock", { stock: 1 }],
    ["GET", "stock/movements"],
  ] as const) {
    expect(outcome(await send(method, `/api/v1/books/${id}/${path}`, { body }))).toEqual([404, "not_found"]);
  }
});

test("a client that sends a large rejected body still receives the response", async () => {
  const raw = `{${" ".repeat(MIB)}`;
  const refused = [
    ["POST", "/api/v1/nothing", JSON_TYPE],
    ["DELETE", "/api/v1/books", JSON_TYPE],
    ["POST", "/api/v1/books", { "Content-Type": "text/plain" }],
  ] as const;
  for (let round = 0; round < 20; round++) {
    const answers = await Promise.all(
      refused.map(([method, path, headers]) => send(method, path, { raw, headers })),
    );
    expect(answers.map(({ status }) => status)).toEqual([404, 405, 415]);
  }
});

test("the faults of a request are checked in order", async () => {
  const [existing, other] = await Promise.all(
    [1, 2].map(async () => (await send(...POST_BOOK, { body: newBook() })).json),
  );
  const [clerk, editor] = [await bearer("clerk"), await bearer("editor")];
  const request = {
    method: "POST",
    path: `/api/v1/books/${MISSING}/`,
    token: "",
    type: "text/plain",
    ifMatch: "malformed",
    raw: `{${" ".repeat(MIB)}`,
  };
  const steps: [expected: [number, string?], mend?: Partial<typeof request>][] = [
    [[404, "not_found"], { path: `/api/v1/books/${MISSING}` }],
    [[405, "method_not_allowed"], { method: "PATCH" }],
    [[401, "unauthorized"], { token: clerk }],
    [[403, "forbidden"], { token: editor }],
    [[415, "unsupported_media_type"], { type: "application/json" }],
    [[413, "payload_too_large"], { raw: "{" }],
    [[400, "invalid_json"], { raw: '{"colour":"red"}' }],
    [[400, "invalid_header"], { ifMatch: `"${existing.id}.9"` }],
    [[422, "validation_failed"], { raw: JSON.stringify({ isbn: other.isbn, price: 0 }) }],
    [[404, "not_found"], { path: `/api/v1/books/${existing.id}` }],
    [[412, "precondition_failed"], { ifMatch: `"${existing.id}.1.1"` }],
    [[422, "validation_failed"], { raw: JSON.stringify({ isbn: other.isbn }) }],
    [[409, "conflict"], { raw: JSON.stringify({ isbn: isbnOf(1) }) }],
    [[200]],
  ];
  for (const [[status, error], mend] of steps) {
    const { method, path, token, type, ifMatch, raw } = request;
    const headers = { "Content-Type": type, "If-Match": ifMatch, Authorization: token };
    const answer = checked(await api(method, path, { raw, headers }));
    expect([answer.status, answer.json.error]).toEqual([status, error]);
    Object.assign(request, mend);
  }
});

test("a response says that the database is not migrated", async () => {
  await database.sql("alter table tasks rename to elsewhere");
  try {
    const answer = await api("GET", "/api/v1/tasks", { headers: { Authorization: admin } });
    expect(answer.json).toMatchObject({ status: 503, error: "service_unavailable" });
  } finally {
    await database.sql("alter table elsewhere rename to tasks");
  }
});

test("a defect is reported in one neutral sentence, and logged completely", async () => {
  // The app does not know this constraint.
  await database.sql("alter table tasks add constraint unheard_of check (title <> 'Unthinkable')");
  try {
    // The test client fails on every 500.
    const response = await fetch(`${worker.url}/api/v1/tasks`, {
      method: "POST",
      headers: { Authorization: admin, "Content-Type": "application/json" },
      body: '{"title":"Unthinkable"}',
    });
    const { status, headers } = response;
    const { text } = checked({ status, headers, text: await response.text() });
    expect(JSON.parse(text)).toMatchObject({ status: 500, error: "internal_error" });
    const logged = () => worker.logs().filter((line) => line.includes(JSON.parse(text).request_id));
    await expect.poll(logged).toHaveLength(1);
    expect(logged()[0]).toContain("unheard_of");
  } finally {
    await database.sql("alter table tasks drop constraint unheard_of");
  }
});
