/** Files of catalogues: what is written comes back, and what nobody wrote is told in words. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readCsv } from "../../src/catalogue/csv.ts";
import { fileWriter } from "../../src/catalogue/export-format.ts";
import { readNdjson } from "../../src/catalogue/ndjson.ts";
import { readOnix } from "../../src/catalogue/onix.ts";
import type { Row } from "../../src/catalogue/rows.ts";
import { isbnOf } from "../support/books.ts";
import { allRows, brief } from "../support/catalogue.ts";
import { anyText, holdsLater, madeOf } from "../support/fuzz.ts";
import { identifier, message, product, title } from "../support/onix.ts";

const line = anyText(30).map((text) =>
  text
    .replace(/[\p{C}\p{Z}\s]+/gu, " ")
    .normalize("NFC")
    .trim(),
);
const name = line.filter((text) => text !== "");
const member = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const book = fc.record({
  title: name,
  author: name,
  price: fc.nat(9_999_999).map((cents) => cents / 100),
  stock: fc.constant(0),
  description: member(name),
  publisher: member(name),
  published: member(fc.constantFrom("2008", "2008-09", "2008-09-14")),
  language: member(fc.constantFrom("en", "pt-BR")),
  format: member(fc.constantFrom("hardback", "paperback")),
  pages: member(fc.integer({ min: 1, max: 100_000 })),
  cover_url: fc.constant(null),
  subjects: fc.uniqueArray(
    name.filter((text) => !/[|;]/.test(text)),
    { maxLength: 3 },
  ),
});
const books = fc
  .array(book, { minLength: 1, maxLength: 6 })
  .map((list) =>
    list.map(({ title, author, ...rest }, at) => ({ title, author, isbn: isbnOf(at), ...rest })),
  );

/** As the database has a book. */
const stored = (book: object) =>
  JSON.stringify({
    id: crypto.randomUUID(),
    ...book,
    created_at: "2026-01-01T00:00:00.000000Z",
    updated_at: "",
  });

const size = fc.integer({ min: 1, max: 60 });
const options = { withIds: false, excel: false, escapeFormulas: false };

test("an export in NDJSON comes back as the same books, in chunks of any size", async () => {
  const property = fc.asyncProperty(books, size, async (given, size) => {
    const file = fileWriter("ndjson", options).write(given.map(stored));
    expect((await allRows(readNdjson, file, size)).map(asGiven)).toEqual(given);
  });
  await holdsLater(property);
});

test("an export in CSV comes back as the same books, with Excel's ISBNs too", async () => {
  const property = fc.asyncProperty(books, size, fc.boolean(), async (given, size, excel) => {
    const writer = fileWriter("csv", { ...options, excel });
    const rows = await allRows(readCsv, writer.head + writer.write(given.map(stored)), size);
    expect(rows.map(asGiven)).toEqual(given);
  });
  await holdsLater(property, { share: 0.5 });
});

/** A row with its price as a number. */
function asGiven(row: Row): unknown {
  const members = brief(row);
  return row.kind === "book" ? { ...(members as object), price: Number(row.book.price) } : members;
}

test("a title and a publisher come back from ONIX, whatever they are", async () => {
  const xml = (text: string) =>
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
  const plain = name.filter((text) => !/[<>&]/.test(text) && !/[\ufffe\uffff]/.test(text));
  const property = fc.asyncProperty(
    fc.array(plain, { minLength: 1, maxLength: 4 }),
    size,
    async (titles, size) => {
      const products = titles.map((text, at) =>
        product({
          id: identifier("15", isbnOf(at)),
          detail: title(`<TitleText>${xml(text)}</TitleText>`),
          publishing: `<Publisher><PublishingRole>01</PublishingRole><PublisherName>${xml(text)}</PublisherName></Publisher>`,
        }),
      );
      const rows = await allRows(readOnix, message(...products), size);
      const found = rows.map((row) =>
        row.kind === "book" ? [row.book.title, row.book.publisher] : brief(row),
      );
      expect(found).toEqual(titles.map((text) => [text, text]));
    },
  );
  await holdsLater(property, { share: 0.5 });
});

type Read = Parameters<typeof allRows>[0];

/** The rows of a file, or what its reader says of it. */
const outcome = (read: Read, file: string | Uint8Array, size: number) =>
  allRows(read, file, size).then(
    (rows): string | Row[] => rows.map((row) => ({ ...row, source: undefined }) as never),
    (error: Error) => `${error.name}: ${error.message}`,
  );

const bytes = fc.uint8Array({ maxLength: 120 });
const NDJSON_PARTS = [
  "{",
  "}",
  '"isbn"',
  ":",
  '"9780306406157"',
  ",",
  '"title":"Dune"',
  "\n",
  "\r\n",
  " ",
  "[",
  "null",
  "1e999",
  "\\u0000",
  "\\ud800",
  "é",
  "\ufeff",
  '{"isbn":"9780306406157","title":"Dune","author":"H","price":1}\n',
];
const ONIX_PARTS = [
  "<",
  ">",
  "</",
  "/>",
  "Product>",
  "<Product>",
  "</Product>",
  '<ONIXMessage release="3.0">',
  "</ONIXMessage>",
  "&amp;",
  "&x;",
  "<!--",
  "-->",
  "<![CDATA[",
  "]]>",
  "<a b='",
  "'",
  "x",
  " ",
  "é",
  "<?xml",
  "?>",
  "<!DOCTYPE a [",
  "]>",
  product({}),
  product({ detail: title("<TitleText>Dune</TitleText>") }),
];
const CSV_PARTS = [
  "isbn",
  "title",
  ",",
  ";",
  "\t",
  '"',
  '""',
  "\n",
  "\r",
  "9780306406157",
  "Dune",
  "\0",
  "\ufeff",
  " ",
  "=",
  "é",
];

test.each<[string, Read, string[]]>([
  ["NDJSON", readNdjson, NDJSON_PARTS],
  ["ONIX", readOnix, ONIX_PARTS],
  ["CSV", readCsv, CSV_PARTS],
])(
  "whatever bytes a file of %s has, its chunks do not matter, and its only error is in words",
  async (_, read, parts) => {
    const file = fc.oneof(
      madeOf(parts, 40),
      bytes,
      madeOf(parts, 40).map((text) => `\ufeff${text}`),
    );
    const property = fc.asyncProperty(file, size, async (given, size) => {
      const found = await outcome(read, given, size);
      if (typeof found === "string") expect(found).toMatch(/^CatalogueError: \p{Lu}/u);
      expect(await outcome(read, given, 100_000)).toEqual(found);
      // Every row has a number, and they count.
      if (typeof found !== "string")
        expect(found.map(({ row }) => row)).toEqual(found.map((_, at) => at + 1));
    });
    await holdsLater(property);
  },
);
