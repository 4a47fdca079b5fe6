/** Reading, creating, updating and deleting books. */
import { BOOK_FORMAT, isbnOf } from "../../support/books.ts";
import type { Case } from "../exchange.ts";
import { APPLE, BOOKS, DUNE, MISSING, ZOO } from "../fixtures.ts";
import {
  BOOKS_PATH,
  DUNE_ISBN_PATH,
  DUNE_PATH,
  each,
  JSON_TYPE,
  NO_BOOK_PATH,
  preconditions,
  type Row,
  reads,
} from "./tables.ts";

const role = "editor";
const book = (members: Record<string, unknown> = {}) => ({
  title: "Solaris",
  author: "Stanisław Lem",
  isbn: isbnOf(500),
  price: 12.3,
  ...members,
});

const reading: Case[] = [
  ...reads(
    "each book",
    BOOKS.map(({ id }) => [200, `${BOOKS_PATH}/${id}`] as const),
  ),
  ...reads("ISBN", [
    ...[
      DUNE.isbn,
      "978-0-00-000004-0",
      "978 0 00 000004 0",
      "0-00-000004-3",
      "978‐0‐00−000004‐0",
      "９７８００００００００４０",
      "ISBN-13: 978-0-00-000004-0 (pbk.)",
      '="9780000000040"',
      "\u200e978\u00ad0000000040\ufeff",
    ].map((isbn) => [200, `${BOOKS_PATH}/isbn/${encodeURIComponent(isbn)}`] as const),
    ...[isbnOf(999), "9780000000041", "0000000000000", "0000000000", "x", "%20", "٩٧٨٠٠٠٠٠٠٠٠٤٠"].map(
      (isbn) => [404, `${BOOKS_PATH}/isbn/${encodeURI(isbn)}`] as const,
    ),
  ]),
  ...reads("id", [
    [404, NO_BOOK_PATH],
    [200, `${BOOKS_PATH}/${ZOO.id.toUpperCase()}`],
    ...["1", MISSING.replaceAll("-", ""), `${MISSING}0`, `{${MISSING}}`, "urn:uuid:x", "constructor"].map(
      (id) => [404, `${BOOKS_PATH}/${id}`] as const,
    ),
    [422, `${DUNE_PATH}?fields=title&limit=5`],
    [422, `${NO_BOOK_PATH}?fields=title`],
  ]),
];

const adding = each("add", [
  ...[
    book(),
    book({ stock: 3, description: "Ocean." }),
    book({ description: null, stock: 0, price: 0 }),
    book({ description: "" }),
    book({ isbn: "0-306-40615-2" }),
    book({ isbn: "080442957x" }),
    book({ isbn: "979-10-90636-07-1" }),
    book({ isbn: "ISBN-10: 0–306–40615–2 (pbk. : acid-free paper)" }),
    book({ isbn: '="０３０６４０６１５２"' }),
    book({ title: "  Cafe\u0301 \u3000", author: "\ufeffÅngstro\u0308m\n" }),
    book({ title: "a".repeat(255), author: "𝔸".repeat(255), description: "é".repeat(10_000) }),
    book({ title: "\u0001\u001f\u007f\u0085\u2028\u2029", description: '\\ " / \b\f\n\r\t' }),
    book({ title: "😀👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿", author: "שלום مرحبا" }),
    book({ price: 99_999_999.99, stock: 2_147_483_647 }),
    // Composed since Unicode 16, like the ISBN's dash.
    book({ title: "\u{1611e}\u{1611e} \u{105d2}\u0307", isbn: "978\u{10d6e}0306406157" }),
    book({ price: 0.07 }),
    book({ price: 100 }),
  ].map((body): Row => [201, "POST", BOOKS_PATH, { role, body }]),
  ...["1e1", "1.50", "10.00", "1E-2", "0.10e1", "12.3000000000000000000001", "-0"].map(
    (price): Row => [
      201,
      "POST",
      BOOKS_PATH,
      { role, headers: JSON_TYPE, raw: JSON.stringify(book({ price: "?" })).replace('"?"', price) },
    ],
  ),
  [201, "POST", BOOKS_PATH, { role, headers: JSON_TYPE, raw: `\ufeff \n\t${JSON.stringify(book())}\r\n` }],
  [
    201,
    "POST",
    BOOKS_PATH,
    { role, headers: JSON_TYPE, raw: `{"title":1,${JSON.stringify(book()).slice(1)}` },
  ],
  [
    201,
    "POST",
    BOOKS_PATH,
    { role, headers: JSON_TYPE, raw: JSON.stringify(book()).replace("S", "\\u0053") },
  ],
  [201, "POST", BOOKS_PATH, { role, headers: JSON_TYPE, chunks: [...JSON.stringify(book())] }],
  [201, "POST", BOOKS_PATH, { role, body: book(), headers: { Expect: "100-continue" } }],
  [201, "POST", BOOKS_PATH, { role, body: book(), headers: { "Content-Encoding": "" } }],
  // Listings ignore preconditions.
  [201, "POST", BOOKS_PATH, { role, body: book(), headers: { "If-Match": '"x"', "If-None-Match": "*" } }],
  [409, "POST", BOOKS_PATH, { role, body: book({ isbn: DUNE.isbn }) }],
  [409, "POST", BOOKS_PATH, { role, body: book({ isbn: "0-00-000004-3" }) }],
]);

const change = (status: number, body: object, path = DUNE_PATH): Row[] =>
  ["PATCH", "PUT"].map((method) => [status, method, path, { role, body }]);

const changing = each("change", [
  ...change(200, {}),
  ...change(200, { title: "Dune, revised" }),
  ...change(200, { title: DUNE.title }),
  ...change(200, { author: "F. Herbert", price: 7, stock: 0, description: "Sand." }),
  ...change(200, { isbn: "0-306-40615-2" }),
  ...change(200, { isbn: DUNE.isbn }),
  ...change(200, { description: null }),
  ...change(200, { price: 0 }, `${BOOKS_PATH}/${ZOO.id}`),
  ...change(200, { stock: 4, price: 1 }, `${BOOKS_PATH}/${ZOO.id}`),
  ...change(200, { ...DUNE, price: Number(DUNE.price), version: undefined }),
  ...change(200, { id: 1, created_at: null, updated_at: [] }),
  ...change(409, { isbn: APPLE.isbn }),
  ...change(422, { price: 0 }),
  ...change(422, { stock: 1 }, `${BOOKS_PATH}/${ZOO.id}`),
  ...change(422, { version: 7 }),
  ...change(404, { title: "Nothing" }, NO_BOOK_PATH),
  ...change(404, { title: "Nothing" }, `${BOOKS_PATH}/1`),
  ...change(422, { title: "" }, `${BOOKS_PATH}/1`),
  [200, "PATCH", DUNE_PATH, { role, raw: "{}", headers: { "Content-Type": "application/merge-patch+json" } }],
  [415, "PUT", DUNE_PATH, { role, raw: "{}", headers: { "Content-Type": "application/merge-patch+json" } }],
]);

const ISBN_PATH = `${BOOKS_PATH}/isbn/${isbnOf(500)}`;
const { isbn: _, ...withoutIsbn } = book();
const put = (status: number, body: object, path = ISBN_PATH, headers: Record<string, string> = {}): Row => [
  status,
  "PUT",
  path,
  { role, body, headers },
];

const putting = each("put", [
  put(201, withoutIsbn),
  put(201, book({ stock: 4, subjects: ["Oceans"] })),
  put(201, { ...withoutIsbn, id: 1, created_at: null, updated_at: [] }),
  put(201, withoutIsbn, `${BOOKS_PATH}/isbn/0-306-40615-2`),
  put(201, withoutIsbn, ISBN_PATH, { "If-None-Match": "*" }),
  put(201, withoutIsbn, ISBN_PATH, { "If-None-Match": '"x"' }),
  put(404, withoutIsbn, ISBN_PATH, { "If-Match": "*" }),
  put(404, {}, ISBN_PATH, { "If-Match": '"x"' }),
  put(400, {}, ISBN_PATH, { "If-Match": "x" }),
  put(422, {}),
  put(422, { author: "Stanisław Lem", stock: 2 }),
  put(422, book({ price: 0, stock: 1 })),
  put(422, book({ isbn: isbnOf(501) })),
  put(422, book({ isbn: isbnOf(501), price: "1" })),
  put(422, book({ isbn: "1" })),
  put(422, book({ version: 1 })),
  put(422, withoutIsbn, `${BOOKS_PATH}/isbn/9780000000041`),
  put(422, { title: "" }, `${BOOKS_PATH}/isbn/x?colour=red`),
  put(200, {}, DUNE_ISBN_PATH),
  put(200, { isbn: "0-00-000004-3", title: DUNE.title }, DUNE_ISBN_PATH),
  put(200, { price: 7, stock: 1, description: null, published: "1965" }, DUNE_ISBN_PATH),
  put(200, { title: "Dune, revised" }, `${BOOKS_PATH}/isbn/978-0-00-000004-0`),
  put(422, { price: 0 }, DUNE_ISBN_PATH),
  put(422, { title: null }, DUNE_ISBN_PATH),
  put(422, { isbn: APPLE.isbn }, DUNE_ISBN_PATH),
  [415, "PUT", ISBN_PATH, { role, raw: "{}", headers: { "Content-Type": "application/merge-patch+json" } }],
  [403, "PUT", ISBN_PATH, { role: "clerk", body: withoutIsbn }],
  [401, "PUT", ISBN_PATH, { body: withoutIsbn }],
]);

const deleting = each("delete", [
  [204, "DELETE", DUNE_PATH, { role }],
  [204, "DELETE", DUNE_PATH, { role, raw: '{"a":1}', headers: JSON_TYPE }],
  [204, "DELETE", DUNE_PATH, { role, chunks: ["a", "b"] }],
  [404, "DELETE", NO_BOOK_PATH, { role }],
  [404, "DELETE", `${BOOKS_PATH}/1`, { role }],
  [422, "DELETE", `${DUNE_PATH}?force=true`, { role }],
]);

const dialogues: Case[] = [
  {
    name: "a book's life, from one ETag to the next",
    run: async (send) => {
      const created = await send(201, "POST", BOOKS_PATH, { role, body: book({ stock: 2 }) });
      const path = created.headers.get("Location") ?? "";
      const tag = created.headers.get("ETag") ?? "";
      await send(409, "POST", BOOKS_PATH, { role, body: book() });
      await send(304, "GET", path, { headers: { "If-None-Match": tag } });
      await send(304, "HEAD", path, { headers: { "If-None-Match": tag } });
      const changed = await send(200, "PATCH", path, {
        role,
        body: { price: 9.5, title: "Solaris, 2nd ed." },
        headers: { "If-Match": tag },
      });
      await send(200, "GET", path, { headers: { "If-None-Match": tag } });
      await send(412, "PATCH", path, { role, body: { price: 1 }, headers: { "If-Match": tag } });
      await send(412, "DELETE", path, { role, headers: { "If-Match": tag } });
      // Sending the response back changes nothing.
      const same = await send(200, "PUT", path, { role, body: changed.json });
      await send(200, "GET", `${BOOKS_PATH}/isbn/${created.json.isbn}`);
      await send(204, "DELETE", path, { role, headers: { "If-Match": same.headers.get("ETag") ?? "" } });
      await send(404, "GET", path);
      await send(404, "DELETE", path, { role });
      await send(201, "POST", BOOKS_PATH, { role, body: book() });
    },
  },
  {
    name: "new books are listed, and found",
    run: async (send) => {
      for (const [at, title] of ["Solaris", "The Invincible", "Fiasco"].entries()) {
        await send(201, "POST", BOOKS_PATH, { role, body: book({ title, isbn: isbnOf(600 + at) }) });
      }
      const { next_cursor } = (await send(200, "GET", `${BOOKS_PATH}?limit=2`)).json;
      await send(200, "GET", `${BOOKS_PATH}?limit=2&cursor=${next_cursor}`);
      await send(200, "GET", `${BOOKS_PATH}?limit=2&page=1`);
      await send(200, "GET", `${BOOKS_PATH}?search=invincible`);
      await send(200, "GET", `${BOOKS_PATH}?author=stanis%C5%82aw&sort=title&count=exact`);
      await send(200, "GET", `${BOOKS_PATH}?limit=1&count=exact`);
    },
  },
];

export const bookCases = [
  ...reading,
  ...adding,
  ...changing,
  ...putting,
  ...deleting,
  ...dialogues,
  ...preconditions("book", ["GET", "PATCH", "DELETE"], {
    path: DUNE_PATH,
    missing: NO_BOOK_PATH,
    version: DUNE.version,
    format: BOOK_FORMAT,
    role,
  }),
  ...preconditions("book by ISBN", ["PUT"], {
    path: DUNE_ISBN_PATH,
    id: DUNE.id,
    version: DUNE.version,
    format: BOOK_FORMAT,
    role,
  }),
];
