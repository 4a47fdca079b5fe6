/** Books as CSV and NDJSON, as an export writes them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseIsbn } from "../../src/books/isbn.ts";
import { type FileOptions, fileWriter } from "../../src/catalogue/export-format.ts";

const BOOK = {
  id: "0195dc3a-52e6-7cc1-9d2f-7f4b8a6e1c30",
  title: "Flatland",
  author: "Edwin A. Abbott",
  isbn: "9780486272634",
  price: 12.3,
  stock: 7,
  description: null as string | null,
  publisher: "Dover" as string | null,
  published: "1992-09" as string | null,
  language: "en",
  format: "paperback",
  pages: 96,
  cover_url: null,
  subjects: ["Geometry", "Satire"],
  created_at: "2026-03-28T12:00:00.123456Z",
  updated_at: "2026-03-28T12:00:00.123456Z",
};

const PLAIN: FileOptions = { withIds: false, excel: false, escapeFormulas: false };
const EXCEL: FileOptions = { withIds: false, excel: true, escapeFormulas: true };

function csv(members: Partial<typeof BOOK> = {}, options = PLAIN): string {
  return fileWriter("csv", options).write([JSON.stringify({ ...BOOK, ...members })]);
}

/** Reads RFC 4180. */
function cellsOf(text: string): string[][] {
  const rows: string[][] = [[]];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
  for (const [, quoted, plain = "", end] of text.matchAll(cell)) {
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end !== ",") rows.push([]);
  }
  expect(rows.pop()).toEqual([]);
  return rows;
}

const HEAD =
  "title,author,isbn,price,stock,description,publisher,published,language,format,pages,cover_url,subjects";

test("CSV has the members as columns, in the order of the JSON", () => {
  expect(fileWriter("csv", PLAIN).head).toBe(`${HEAD}\r\n`);
  expect(fileWriter("csv", { ...PLAIN, withIds: true }).head).toBe(`id,${HEAD},created_at,updated_at\r\n`);
  expect(csv()).toBe(
    "Flatland,Edwin A. Abbott,9780486272634,12.3,7,,Dover,1992-09,en,paperback,96,,Geometry|Satire\r\n",
  );
  expect(csv({}, { ...PLAIN, withIds: true })).toBe(
    `${BOOK.id},${csv().trim()},${BOOK.created_at},${BOOK.updated_at}\r\n`,
  );
});

test("any text comes back from CSV as it was", () => {
  const text = fc.string({ unit: "binary" });
  const books = fc.array(fc.record({ title: text, author: text, description: text }));
  fc.assert(
    fc.property(books, (members) => {
      const { head, write } = fileWriter("csv", PLAIN);
      const [, ...rows] = cellsOf(head + write(members.map((some) => JSON.stringify({ ...BOOK, ...some }))));
      expect(rows.map(([title, author, , , , description]) => ({ title, author, description }))).toEqual(
        members,
      );
    }),
  );
});

test("for Excel, CSV has a byte order mark, and ISBNs as text that the API reads", () => {
  expect(fileWriter("csv", EXCEL).head).toBe(`\ufeff${HEAD}\r\n`);
  expect(csv({}, EXCEL)).toContain(',"=""9780486272634""",');
  const [[, , isbn = ""] = []] = cellsOf(csv({}, EXCEL));
  expect(parseIsbn(isbn)).toBe(BOOK.isbn);
});

test.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])(
  "%j is escaped on demand",
  (title) => {
    const [[escaped] = []] = cellsOf(csv({ title }, { ...PLAIN, escapeFormulas: true }));
    expect(escaped).toBe(`'${title}`);
    const [[plain] = []] = cellsOf(csv({ title }));
    expect(plain).toBe(title);
    const [row = []] = cellsOf(csv({ description: title, publisher: title, subjects: ["=1"] }, EXCEL));
    expect([row[5], row[6], row[12]]).toEqual([`'${title}`, `'${title}`, "'=1"]);
  },
);

test.each(["1984", "'Tis Pity", "a=b", "3-2", ""])("%j is no formula", (title) => {
  const [[cell] = []] = cellsOf(csv({ title }, EXCEL));
  expect(cell).toBe(title);
});

describe("subjects", () => {
  test.each([
    [[], ""],
    [["Satire"], "Satire"],
    [["Satire", "Geometry"], "Satire|Geometry"],
    [["FICTION / Science Fiction", "Crime, true"], "FICTION / Science Fiction|Crime, true"],
    [["Art; Music", "Film"], "Art; Music|Film"],
    [["Art; Music"], "Art; Music|"],
    [["a|b", "c"], "a|b\nc"],
    [["a|b"], "a|b\n"],
    [["two\r\nlines"], "two lines"],
  ])("%j are the cell %j", (subjects, cell) => {
    expect(cellsOf(csv({ subjects }))[0]?.at(-1)).toBe(cell);
  });
});

test("NDJSON has a book a line, without what differs between catalogues unless asked for", () => {
  const text = JSON.stringify(BOOK);
  const { id, created_at, updated_at, ...members } = BOOK;
  expect(fileWriter("ndjson", { ...PLAIN, withIds: true }).write([text, text])).toBe(`${text}\n${text}\n`);
  expect(fileWriter("ndjson", PLAIN).write([text])).toBe(`${JSON.stringify(members)}\n`);
});

test("no text of a book confuses the cut of NDJSON", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom('"title":', ',"created_at":', '\\","created_at":"', "\\"),
  );
  fc.assert(
    fc.property(text, text, fc.array(text), (title, cover, subjects) => {
      const { id, created_at, updated_at, ...members } = { ...BOOK, title, cover_url: cover, subjects };
      const line = fileWriter("ndjson", PLAIN).write([JSON.stringify({ ...BOOK, ...members })]);
      expect(line).toBe(`${JSON.stringify(members)}\n`);
    }),
  );
});
