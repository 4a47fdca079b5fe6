/** Rejected bodies: their type, size, syntax and content, and the order of checks. */
import { gzipSync } from "node:zlib";
import { isbnOf } from "../../support/books.ts";
import type { Case, Message } from "../exchange.ts";
import { APPLE, DUNE } from "../fixtures.ts";
import {
  BOOKS_PATH,
  DUNE_PATH,
  each,
  inTurn,
  JSON_TYPE,
  NO_BOOK_PATH,
  type Row,
  TASKS_PATH,
  WRITES,
} from "./tables.ts";

const MIB = 1024 * 1024;
const role = "admin";

const writes = (table: string, status: number, messages: readonly Message[]): Case[] =>
  each(
    table,
    inTurn(
      status,
      WRITES,
      messages.map((message) => ({ role, ...message })),
    ),
  );

const latin1 = (text: string) => Buffer.from(text, "latin1");

const unparsable = writes(
  "no JSON",
  400,
  [
    "",
    " \n",
    "{",
    "{}{}",
    '{"title":"Du',
    '{"price":NaN}',
    "{'title':1}",
    '{"a":1,}',
    "\ufeff\ufeff{}",
    latin1('{"title":"\xff"}'),
    latin1('{"title":"\xc0\xaf"}'),
    latin1('{"title":"\xed\xa0\x80"}'),
    Buffer.from("\ufeff{}", "utf16le"),
  ].map((raw) => ({ raw, headers: JSON_TYPE })),
);

const notObjects = writes(
  "no object",
  422,
  ["[]", "null", '"text"', "1", "true"].map((raw) => ({ raw, headers: JSON_TYPE })),
);

const TYPES: (string | string[] | undefined)[] = [
  undefined,
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "text/json",
  "application/jsonp",
  "application/vnd.api+json",
  "application/json, text/plain",
  ["application/json", "application/json"],
  "application/json; charset=latin1",
  'application/json; charset="utf-16"',
  "application/json; charset=x=utf-8",
  "application/json; a; charset=utf-16",
  "*/*",
  "application",
  "",
  "application/json\xa0",
  "\xc2\xa0application/json",
  "application/json; charset=\xa0utf-8",
];

const untyped = writes("type", 415, [
  ...TYPES.map((type) => ({ raw: "{}", headers: { "Content-Type": type } })),
  { raw: gzipSync("{}"), headers: { ...JSON_TYPE, "Content-Encoding": "gzip" } },
  { raw: "{}", headers: { ...JSON_TYPE, "Content-Encoding": "identity" } },
  { headers: {} },
]);

const typed = each(
  "type",
  [
    "application/json",
    "Application/JSON",
    "application/json; charset=UTF-8",
    'application/json\t;\tcharset="utf-8" ',
    "application/json; version=1",
    "application/json;",
  ].map(
    (type): Row => [
      201,
      "POST",
      TASKS_PATH,
      { role, raw: '{"title":"Dust"}', headers: { "Content-Type": type } },
    ],
  ),
);

const ofBytes = (bytes: number) => Buffer.from(`{"title":"${"a".repeat(bytes - 12)}"}`);
const inChunks = (bytes: Buffer, count = 16) =>
  Array.from({ length: count }, (_, at) =>
    bytes.subarray((at * bytes.length) / count, ((at + 1) * bytes.length) / count),
  );

/** Sends another request on the same connection, if the server left it open. */
const sizes: Case[] = (
  [
    [MIB, 422],
    [MIB + 1, 413],
    [3 * MIB, 413],
  ] as const
).flatMap(([bytes, status]) =>
  [false, true].map((chunked) => ({
    name: `a body of ${bytes} bytes${chunked ? ", in chunks" : ""}`,
    run: async (send) => {
      const body = ofBytes(bytes);
      const message = {
        role,
        headers: JSON_TYPE,
        ...(chunked ? { chunks: inChunks(body) } : { raw: body }),
      } as const;
      await send(status, "POST", TASKS_PATH, message);
      await send(200, "GET", "/health");
      await send(status, "PATCH", DUNE_PATH, message);
      await send(401, "POST", TASKS_PATH, { ...message, headers: { ...JSON_TYPE, Authorization: "x" } });
      await send(404, "POST", "/nothing", message);
      await send(405, "DELETE", BOOKS_PATH, message);
      await send(415, "POST", BOOKS_PATH, { ...message, headers: { "Content-Type": "text/plain" } });
      await send(200, "GET", "/health");
    },
  })),
);

const expecting: Case[] = each("expecting 100", [
  [201, "POST", TASKS_PATH, { role, body: { title: "x" }, headers: { Expect: "100-continue" } }],
  [422, "POST", TASKS_PATH, { role, body: {}, headers: { Expect: "100-continue" } }],
]);

const book = (members: Record<string, unknown> = {}) => ({
  title: "Solaris",
  author: "Stanisław Lem",
  isbn: isbnOf(500),
  price: 12.3,
  ...members,
});

const BOOK_FAULTS: Record<string, unknown>[] = [
  ...[
    5,
    null,
    "",
    " \t\u00a0\u3000\ufeff\n",
    "a".repeat(256),
    "𝔸".repeat(256),
    "a\ud800",
    "a\0b",
    [],
    {},
  ].map((title) => ({ title })),
  ...["  ", "a".repeat(256), ["x"], "\udc00a"].map((author) => ({ author })),
  ...[{}, 1, "a".repeat(10_001), "\0"].map((description) => ({ description })),
  ...[
    "9780306406158",
    "0-306-40615-X",
    "9770306406158",
    "0000000000000",
    "0000000000",
    "979-0-2600-0043-8",
    "",
    "９７８",
    9780306406157,
    null,
  ].map((isbn) => ({ isbn })),
  ...[-0.01, 100_000_000, 1.234, 1.005, 0.1 + 0.2, 1e-7, 1e21, "12", null, true].map((price) => ({ price })),
  ...[-1, 2_147_483_648, 1e300, 1.5, "12", null, false].map((stock) => ({ stock })),
  { titel: "Dune", colour: 1 },
  { "": 1, "a.b": 2, 'quo"te': 3, "\u2028": 4 },
  { ["__proto__"]: { stock: 1 }, constructor: 1, toString: 1 },
  { title: "", author: 1, isbn: "x", price: -1, stock: 1.5, description: false, colour: "red" },
  { price: 0, stock: 1, title: "" },
];

const faults: Case[] = [
  ...each(
    "fault",
    BOOK_FAULTS.map(
      (members, at): Row =>
        at % 2 === 0
          ? [422, "POST", BOOKS_PATH, { role, body: book(members) }]
          : [422, "PATCH", DUNE_PATH, { role, body: members }],
    ),
  ),
  ...each("fault", [
    [422, "POST", BOOKS_PATH, { role, body: {} }],
    [422, "POST", BOOKS_PATH, { role, body: book({ price: 0, stock: 1 }) }],
    [422, "POST", BOOKS_PATH, { role, body: book({ id: DUNE.id, created_at: 1, updated_at: null }) }],
    [422, "POST", `${BOOKS_PATH}?dry_run=true`, { role, body: book({ price: -1 }) }],
    [422, "PUT", NO_BOOK_PATH, { role, body: { price: -1 } }],
    ...["1e400", "-1e400", "1e-400"].map(
      (stock): Row => [
        stock === "1e-400" ? 201 : 422,
        "POST",
        BOOKS_PATH,
        { role, headers: JSON_TYPE, raw: JSON.stringify(book({ stock: "?" })).replace('"?"', stock) },
      ],
    ),
    // Larger and deeper than any valid body.
    [
      422,
      "POST",
      BOOKS_PATH,
      { role, headers: JSON_TYPE, raw: `{"title":${"[".repeat(MIB / 2 - 8)}${"]".repeat(MIB / 2 - 8)}}` },
    ],
    ...[100, 101, 60_000].map((length): Row => {
      const members = Array.from({ length }, (_, at) => [`m${at}`, at]);
      return [422, "POST", TASKS_PATH, { role, body: Object.fromEntries(members) }];
    }),
    ...["a".repeat(1_000_000), `${"a".repeat(98)}😀😀`, `\ud800${"a".repeat(200)}`].map(
      (name): Row => [422, "POST", TASKS_PATH, { role, body: { title: "Dust", [name]: 1 } }],
    ),
  ]),
];

/** Fixes the faults of a request one by one, in the order in which they are reported. */
const order: Case = {
  name: "the order of checks",
  run: async (send) => {
    const id = `${BOOKS_PATH}/${DUNE.id}`;
    const large = `{${" ".repeat(MIB)}`;
    const stale = { ...JSON_TYPE, "If-Match": `"${DUNE.id}.1.1"` };
    const text = { "Content-Type": "text/plain", "If-Match": "malformed" };
    const json = { ...JSON_TYPE, "If-Match": "malformed" };
    await send(404, "POST", `${NO_BOOK_PATH}/`, { raw: large, headers: text });
    await send(405, "POST", NO_BOOK_PATH, { raw: large, headers: text });
    await send(401, "PATCH", NO_BOOK_PATH, { raw: large, headers: text });
    await send(403, "PATCH", NO_BOOK_PATH, { role: "clerk", raw: large, headers: text });
    await send(415, "PATCH", NO_BOOK_PATH, { role, raw: large, headers: text });
    await send(413, "PATCH", NO_BOOK_PATH, { role, raw: large, headers: json });
    await send(400, "PATCH", NO_BOOK_PATH, { role, raw: "{", headers: json });
    await send(400, "PATCH", NO_BOOK_PATH, { role, raw: '{"colour":"red"}', headers: json });
    await send(422, "PATCH", NO_BOOK_PATH, { role, raw: '{"colour":"red"}', headers: stale });
    await send(404, "PATCH", NO_BOOK_PATH, { role, body: { isbn: APPLE.isbn, price: 0 }, headers: stale });
    await send(412, "PATCH", id, { role, body: { isbn: APPLE.isbn, price: 0 }, headers: stale });
    await send(422, "PATCH", id, { role, body: { isbn: APPLE.isbn, price: 0 } });
    await send(409, "PATCH", id, { role, body: { isbn: APPLE.isbn } });
    await send(200, "PATCH", id, { role, body: { isbn: isbnOf(500) } });
  },
};

export const bodyCases = [
  ...unparsable,
  ...notObjects,
  ...untyped,
  ...typed,
  ...sizes,
  ...expecting,
  ...faults,
  order,
];
