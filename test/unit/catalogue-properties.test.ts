/** Whatever a book contains, CSV by RFC 4180 gives it back, in chunks of any size. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readCsv } from "../../src/catalogue/csv.ts";
import { recordText } from "../../src/catalogue/csv-records.ts";
import { allRows, brief } from "../support/catalogue.ts";
import { holdsLater } from "../support/fuzz.ts";

const ISBN = "9780306406157";

/** Text of what is special in CSV, and what is not. */
const text = fc
  .array(
    fc.constantFrom('"', '""', ",", ";", "\t", "\n", "\r\n", "\r", " ", "a", "é", "😀", "=1+1", "'", "|"),
    { maxLength: 12 },
  )
  .map((parts) => parts.join("").normalize("NFC").trim());

const title = text.filter((value) => value !== "");
const book = fc.record({ title, author: title, description: text });
const books = fc.array(book, { minLength: 1, maxLength: 20 });

test("books come back from CSV as they are, whatever the delimiter and the line breaks", async () => {
  const options = fc.record({
    delimiter: fc.constantFrom(",", ";", "\t"),
    newline: fc.constantFrom("\n", "\r\n"),
    size: fc.integer({ min: 1, max: 40 }),
  });
  const property = fc.asyncProperty(books, options, async (given, { delimiter, newline, size }) => {
    const records = given.map(({ title, author, description }) => [ISBN, title, author, description]);
    const file = [["isbn", "title", "author", "description"], ...records]
      .map((cells) => recordText(cells, delimiter) + newline)
      .join("");
    const rows = await allRows(readCsv, file, size);
    const expected = given.map(({ description, ...rest }) => ({
      isbn: ISBN,
      ...rest,
      description: description || null,
    }));
    expect(rows.map(brief)).toEqual(expected);
  });
  await holdsLater(property, { share: 0.5 });
});

test("no text is an error that nobody expects", async () => {
  const part = fc.constantFrom('"', ",", ";", "\n", "\r", "\0", "isbn", ISBN, "title", " ", "é", "=");
  const property = fc.asyncProperty(
    fc.array(part, { maxLength: 60 }),
    fc.integer({ min: 1, max: 9 }),
    async (parts, size) => {
      const read = (chunk: number) =>
        allRows(readCsv, parts.join(""), chunk).then(
          (rows) => rows.map(brief),
          (error) => `${error.name}: ${error.message}`,
        );
      const found = await read(size);
      if (typeof found === "string") expect(found).toMatch(/^CatalogueError: /);
      expect(found).toEqual(await read(10_000));
    },
  );
  await holdsLater(property);
});
