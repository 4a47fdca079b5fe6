/** NDJSON: a book a line; a bad line is a refused row. */
import { expect, test } from "vitest";
import { type NdjsonOptions, readNdjson } from "../../src/catalogue/ndjson.ts";
import { allRows, brief } from "../support/catalogue.ts";

const ISBN = "9780306406157";

const rowsOf = (file: string | Uint8Array, options?: NdjsonOptions, size?: number) =>
  allRows((source) => readNdjson(source, options), file, size);

const line = (members: Record<string, unknown>) => `${JSON.stringify({ isbn: ISBN, ...members })}\n`;

test("a line holds any members of a book, and an export can be sent back", async () => {
  const file =
    line({ title: " Père Goriot ", price: 5.5, stock: 3, subjects: ["a"], description: null }) +
    line({ id: "x", created_at: "y", updated_at: "z" });
  for (const size of [1, 3, 65_536])
    expect((await rowsOf(file, {}, size)).map(brief)).toEqual([
      { isbn: ISBN, title: "Père Goriot", price: "5.50", stock: 3, subjects: ["a"], description: null },
      { isbn: ISBN },
    ]);
});

test("blank lines count as lines but not as rows", async () => {
  const rows = await rowsOf(`\ufeff\r\n${line({})}\r\n \n{"isbn":"${ISBN}"}`);
  expect(rows.map(({ kind, row, line }) => [kind, row, line])).toEqual([
    ["book", 1, 2],
    ["book", 2, 5],
  ]);
});

test("what is repaired is told", async () => {
  const [row] = await rowsOf(
    line({ isbn: "0-306-40615-2", description: "x".repeat(10_001), cover_url: "http://x.example" }),
  );
  expect(row).toMatchObject({
    isbn: ISBN,
    book: { cover_url: null },
    repairs: ["isbn_10", "isbn_separators", "description_cut", "cover_left_out"],
  });
});

test("`only` ignores other members, their errors included", async () => {
  const file = line({ title: "", price: 5, weight: 1 });
  expect((await rowsOf(file, { only: ["price", "stock"] })).map(brief)).toEqual([
    { isbn: ISBN, price: "5.00" },
  ]);
});

test.each<[line: string, fault: string]>([
  ["{", ": invalid_format"],
  ["[]", ": invalid_type"],
  ["null", ": invalid_type"],
  ["5", ": invalid_type"],
  ['{"title":"A"}', "isbn: required"],
  ['{"isbn":9780306406157}', "isbn: invalid_type"],
  ['{"isbn":"9.78030640616e+12"}', "isbn: invalid_isbn"],
  [
    line({ title: "", stock: 1.5, weight: 1 }),
    "title: too_short, stock: invalid_type, weight: unknown_field",
  ],
  [line({ title: null }), "title: invalid_type"],
  [line({ price: 0, stock: 1 }), "price: zero_price_with_stock"],
  [line({ title: "a\0" }), "title: invalid_format"],
  [line({ title: "a\ud800" }), "title: invalid_format"],
  [line({ subjects: ["a", ""] }), "subjects.1: too_short"],
  [line({ published: "2008-13" }), "published: invalid_format"],
  ["[".repeat(100_000), ": invalid_format"],
])("the line %.60j is refused", async (text, fault) => {
  const rows = await rowsOf(`${text.trim()}\n${line({})}`);
  expect(rows.map(brief)).toEqual([fault, { isbn: ISBN }]);
  expect(rows[0]).toMatchObject({ row: 1, line: 1, source: text.trim() });
});

test("bytes that are not UTF-8 refuse their line alone", async () => {
  const bytes = Uint8Array.from(`{"isbn":"${ISBN}","title":"P\xe8re"}\n${line({})}`, (letter) =>
    letter.charCodeAt(0),
  );
  for (const size of [1, 65_536])
    expect((await rowsOf(bytes, {}, size)).map(brief)).toEqual([": invalid_format", { isbn: ISBN }]);
});

test("an empty file has no rows", async () => {
  expect(await rowsOf("")).toEqual([]);
});
