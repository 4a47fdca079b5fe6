/** CSV as it comes: encodings, delimiters, headers, quotes, ragged rows and ISBNs. */
import { expect, test } from "vitest";
import { type CsvOptions, readCsv } from "../../src/catalogue/csv.ts";
import { allRows, brief } from "../support/catalogue.ts";

const ISBN = "9780306406157";
const OTHER = "9780804429573";

const rowsOf = (file: string | Uint8Array, options?: CsvOptions, size?: number) =>
  allRows((source) => readCsv(source, options), file, size);

const briefly = async (file: string | Uint8Array, options?: CsvOptions) =>
  (await rowsOf(file, options)).map(brief);

function utf16(text: string, isBigEndian = false): Uint8Array {
  const view = new DataView(new ArrayBuffer(text.length * 2));
  for (let at = 0; at < text.length; at++) view.setUint16(at * 2, text.charCodeAt(at), !isBigEndian);
  return new Uint8Array(view.buffer);
}

const latin1 = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

test.each<[name: string, file: string | Uint8Array]>([
  ["UTF-8", `isbn;title\n${ISBN};Père – Goriot\n`],
  ["UTF-8 with BOM", `\ufeffisbn;title\n${ISBN};Père – Goriot\n`],
  ["UTF-16LE with BOM", utf16(`\ufeffisbn;title\n${ISBN};Père – Goriot\n`)],
  ["UTF-16BE with BOM", utf16(`\ufeffisbn;title\n${ISBN};Père – Goriot\n`, true)],
  ["Windows-1252", latin1(`isbn;title\n${ISBN};P\xe8re \x96 Goriot\n`)],
  ["line breaks of Windows", `isbn;title\r\n${ISBN};Père – Goriot\r\n`],
  ["line breaks of old Macs", `isbn;title\r${ISBN};Père – Goriot\r`],
  ["no line break at the end", `isbn;title\n${ISBN};Père – Goriot`],
  ["commas", `isbn,title\n${ISBN},Père – Goriot\n`],
  ["tabs", `isbn\ttitle\n${ISBN}\tPère – Goriot\n`],
  ["Excel's line for the delimiter", `sep=;\r\nisbn;title\r\n${ISBN};Père – Goriot\r\n`],
  ["blank lines", `\n\nisbn,title\n\n${ISBN},Père – Goriot\n,\n\n`],
  ["quotes", `"isbn","title"\n"${ISBN}","Père – Goriot"\n`],
  ["empty columns behind the last", `isbn,title\n${ISBN},Père – Goriot,,\n`],
])("a file with %s is read, wherever its chunks end", async (_, file) => {
  for (const size of [1, 2, 3, 7, 65_536])
    expect((await rowsOf(file, {}, size)).map(brief)).toEqual([{ isbn: ISBN, title: "Père – Goriot" }]);
});

test("Windows-1252 is recognized by its first letter beyond ASCII, however late", async () => {
  const ascii = `${ISBN};Plain\n`.repeat(20_000);
  const rows = await rowsOf(latin1(`isbn;title\n${ascii}${ISBN};\x84Caf\xe9\x93\n`));
  expect(rows.at(-1)).toMatchObject({ row: 20_001, line: 20_002, book: { title: "„Café“" } });
});

test("bytes that are not UTF-8 refuse their row alone, and U+FFFD in the file is kept", async () => {
  const text = (title: string) => `${ISBN},${title}\n`;
  const bytes = latin1(
    `isbn,title\n${text("P\xc3\xa8re")}${text("P\xe8re")}${text("\xef\xbf\xbd")}${text("M\xc3\xa8re")}`,
  );
  for (const size of [1, 5, 65_536]) {
    expect((await rowsOf(bytes, {}, size)).map(brief)).toEqual([
      { isbn: ISBN, title: "Père" },
      "title: invalid_format",
      { isbn: ISBN, title: "\ufffd" },
      { isbn: ISBN, title: "Mère" },
    ]);
  }
  expect((await rowsOf(bytes))[1]).toMatchObject({
    details: [{ message: "must not contain bytes that are not UTF-8" }],
  });
});

test("quoted cells hold delimiters, quotes and line breaks as they are", async () => {
  const file = `isbn,title,description\n${ISBN},"A, ""B""","one\r\ntwo\n\nthree"\n${OTHER},5" disks,x\n`;
  for (const size of [1, 4, 65_536]) {
    const rows = await rowsOf(file, {}, size);
    expect(rows.map(brief)).toEqual([
      { isbn: ISBN, title: 'A, "B"', description: "one\r\ntwo\n\nthree" },
      { isbn: OTHER, title: '5" disks', description: "x" },
    ]);
    expect(rows.map(({ row, line }) => [row, line])).toEqual([
      [1, 2],
      [2, 6],
    ]);
  }
});

test("a refused row has its number, its line, what it lacks, and itself", async () => {
  const file = `title,isbn,price,pages\n"A ""B""",${ISBN},,x\nC,123,5,1\nD,${ISBN}\n`;
  expect(await rowsOf(file)).toEqual([
    {
      kind: "refused",
      row: 1,
      line: 2,
      isbn: ISBN,
      details: [
        { path: "price", code: "required", message: "is required" },
        { path: "pages", code: "invalid_type", message: "must be a whole number" },
      ],
      source: `"A ""B""",${ISBN},,x`,
    },
    {
      kind: "refused",
      row: 2,
      line: 3,
      isbn: undefined,
      details: [{ path: "isbn", code: "invalid_isbn", message: "must be a valid ISBN-10 or ISBN-13" }],
      source: "C,123,5,1",
    },
    {
      kind: "refused",
      row: 3,
      line: 4,
      isbn: ISBN,
      details: [{ path: "", code: "invalid_format", message: "has 2 cells, and the header has 4" }],
      source: `D,${ISBN}`,
    },
  ]);
});

test("empty cells are null, and missing columns are absent", async () => {
  const header = "isbn,description,publisher,published,language,format,pages,cover,subjects";
  expect(await briefly(`${header}\n${ISBN},,,,,,, ,\n`)).toEqual([
    {
      isbn: ISBN,
      description: null,
      publisher: null,
      published: null,
      language: null,
      format: null,
      pages: null,
      cover_url: null,
      subjects: [],
    },
  ]);
  expect(await briefly(`isbn\n${ISBN}\n`)).toEqual([{ isbn: ISBN }]);
});

test("cells are read as the API has the members", async () => {
  const header =
    "ISBN13\tTitel\tAutor\tPreis\tBestand\tVerlag\tErscheinungsdatum\tSprache\tEinband\tSeiten\tBild\tThemen";
  const cells = `${ISBN}\t Cafe\u0301 \tBöll\t12,50 €\t1.200\tdtv\t14.9.2008\tger\tTaschenbuch\t245 S.\tHTTPS://x.example/1.jpg\tRoman; Köln;`;
  expect(await briefly(`${header}\n${cells}\n`)).toEqual([
    {
      isbn: ISBN,
      title: "Café",
      author: "Böll",
      price: "12.50",
      stock: 1200,
      publisher: "dtv",
      published: "2008-09-14",
      language: "de",
      format: "paperback",
      pages: 245,
      cover_url: "https://x.example/1.jpg",
      subjects: ["Roman", "Köln"],
    },
  ]);
});

test("what is changed or left out is told", async () => {
  const file = `isbn,description,format,cover\n0306406152,${"é".repeat(10_001)},Scroll,http://x.example/1.jpg\n`;
  const [row] = await rowsOf(file);
  expect(row).toMatchObject({
    isbn: ISBN,
    book: { format: "other", cover_url: null, description: `${"é".repeat(9_999)}…` },
    repairs: ["isbn_10", "description_cut", "format_other", "cover_left_out"],
  });
});

test("a price of 0 with stock is refused as by the API", async () => {
  expect(await briefly(`isbn,price,qty\n${ISBN},0,1\n${ISBN},0,0\n`)).toEqual([
    "price: zero_price_with_stock",
    { isbn: ISBN, price: "0.00", stock: 0 },
  ]);
});

test.each<[cells: string, isbn: string, ...repairs: string[]]>([
  [`306406152,9.78030640616e+12`, ISBN, "isbn_leading_zeros"],
  [`9.78030640616e+12,${ISBN}`, ISBN, "isbn_other_column"],
  [`,${ISBN}`, ISBN],
  [`0306406152,${ISBN}`, ISBN, "isbn_10"],
  // A repaired number is no match for one that is written in full.
  [`306406152,${OTHER}`, OTHER, "isbn_other_column"],
])("of the ISBNs %s the better is taken", async (cells, isbn, ...repairs) => {
  const [row] = await rowsOf(`isbn,isbn13\n${cells}\n`);
  expect(row).toMatchObject({ kind: "book", isbn, repairs });
});

test.each([
  ["9.78030640616e+12", "9.78030640616e+12", "invalid_isbn", "scientific notation"],
  [ISBN, OTHER, "invalid_isbn", `not ${ISBN} and ${OTHER}`],
  ["", "", "required", "is required"],
])("the ISBNs %j and %j are refused", async (first, second, code, message) => {
  const [row] = await rowsOf(`isbn,isbn13,title\n${first},${second},x\n`);
  expect(row).toMatchObject({ kind: "refused", isbn: undefined, details: [{ path: "isbn", code }] });
  expect(row?.kind === "refused" && row.details[0]?.message).toContain(message);
});

test("a map comes before the synonyms, and an empty name ignores a column", async () => {
  const file = `Ref,Title,Local title,EAN\n${ISBN},A,B,${OTHER}\n`;
  const map = { Ref: "isbn", "Local title": "title", EAN: "" };
  expect(await briefly(file, { map })).toEqual([{ isbn: ISBN, title: "B" }]);
});

test("`only` reads some members, so that errors in others do not matter", async () => {
  const file = `isbn,title,price,pages\n${ISBN},,5,x\n`;
  expect(await briefly(file, { only: ["price", "stock"] })).toEqual([{ isbn: ISBN, price: "5.00" }]);
});

test("years before Christ are left out, and years of three digits are filled", async () => {
  const rows = await rowsOf(`isbn,year\n${ISBN},-720.0\n${ISBN},975.0\n`);
  expect(rows).toMatchObject([
    { book: { published: null }, repairs: ["year_left_out"] },
    { book: { published: "0975" }, repairs: [] },
  ]);
});

test("columns are told before the first row", async () => {
  let columns: unknown;
  await rowsOf(`Id,ISBN-13,Año de edición,Précio (EUR)\n1,${ISBN},2008,5\n`, {
    onHeader: (header) => (columns = header.format === "csv" ? header.columns : []),
  });
  expect(columns).toEqual([
    { index: 1, header: "ISBN-13", member: "isbn" },
    { index: 2, header: "Año de edición", member: "published" },
    { index: 3, header: "Précio (EUR)", member: "price" },
  ]);
});

test.each<[name: string, file: string, message: string, options?: CsvOptions]>([
  ["is empty", "", "The file is empty."],
  ["has only blank lines", "\ufeff\r\n \r\n", "The file is empty."],
  ["has no header", `${ISBN},A,5\n`, `its first line is that of the book ${ISBN}`],
  ["has no column of ISBNs", "id,name\n1,A\n", 'No column is named like an ISBN. There are: "id", "name".'],
  [
    "has the same header twice",
    `isbn,title,Title\n${ISBN},A,B\n`,
    'The columns "title" (2) and "Title" (3) both hold the title',
  ],
  ["has two headers of a meaning", `isbn,Titel,title\n${ISBN},A,B\n`, "both hold the title"],
  ["has ISBNs twice under a name", `isbn,ISBN\n${ISBN},${ISBN}\n`, "both hold the isbn"],
  [
    "lacks a column of the map",
    `isbn\n${ISBN}\n`,
    'There is no column "x". There are: "isbn".',
    { map: { x: "title" } },
  ],
  [
    "is mapped to an unknown member",
    `isbn,x\n${ISBN},1\n`,
    'A book has no "weight"',
    { map: { x: "weight" } },
  ],
  ["is not CSV", "\0\x01\x02binary\xff", "No column is named like an ISBN"],
])("a file that %s is an error", async (_, file, message, options) => {
  await expect(rowsOf(file, options)).rejects.toThrow(message);
});
