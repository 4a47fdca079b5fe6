/** Prices and dates are read by their column, and refused where the column does not tell. */
import { expect, test } from "vitest";
import { readCsv } from "../../src/catalogue/csv.ts";
import { readDate, readInteger, readPages, readPrice, styleOf } from "../../src/catalogue/numbers.ts";
import { formatOf, languageOf } from "../../src/catalogue/vocabulary.ts";
import { allRows } from "../support/catalogue.ts";

const pricesOf = (cells: string[]) => {
  const style = styleOf(cells, []);
  return cells.map((cell) => {
    const reading = readPrice(cell, style);
    return "value" in reading ? reading.value : reading.code;
  });
};

const REFUSED = "invalid_format";

test.each<[column: string[], prices: unknown[]]>([
  [
    ["12", "5"],
    [12, 5],
  ],
  [
    ["12.50", "1.234"],
    [12.5, 1.234],
  ],
  [
    ["12,50", "1.234"],
    [12.5, 1234],
  ],
  [
    ["12.50", "1,234"],
    [12.5, 1234],
  ],
  [
    ["12,50", "1,234"],
    [12.5, 1.234],
  ],
  [
    ["1.234,50", "999"],
    [1234.5, 999],
  ],
  [
    ["1,234.50", "2,345"],
    [1234.5, 2345],
  ],
  [
    ["1.234.567", "1.234"],
    [1_234_567, 1234],
  ],
  [
    ["1 234,50", "1\u202f234,50", "1\u00a0234"],
    [1234.5, 1234.5, 1234],
  ],
  [
    ["1'234.50", "1’234"],
    [1234.5, 1234],
  ],
  [
    ["0.125", "1.234"],
    [0.125, 1.234],
  ],
  // Nothing tells what these marks separate.
  [
    ["1.234", "2,345", "12"],
    [REFUSED, REFUSED, 12],
  ],
  // As many cells say one thing as the other: what is clear by itself is read.
  [
    ["12.5", "12,5", "1.234"],
    [12.5, 12.5, REFUSED],
  ],
  // Most decide; what does not fit is refused.
  [
    ["12,50", "9,99", "12.50", "1.23,4"],
    [12.5, 9.99, REFUSED, REFUSED],
  ],
  [
    ["12,50", "1234.567", "12.34.567"],
    [12.5, REFUSED, REFUSED],
  ],
  [
    ["€12.50", "12.50 €", "EUR 12.50", "12.5€"],
    [12.5, 12.5, REFUSED, 12.5],
  ],
  [
    ["£5", "5 £", "$5"],
    [5, 5, REFUSED],
  ],
  [
    ["US$ 5.00", "12,-", "Fr. 5.–"],
    [5, 12, 5],
  ],
  [
    ["5 kr", "5 kr.", "1.234,00 zł"],
    [5, 5, 1234],
  ],
  [
    ["-5", "$-5"],
    [-5, -5],
  ],
  [
    ["free", "5 to 6", "1e3", "5..5"],
    ["invalid_type", "invalid_type", "invalid_type", REFUSED],
  ],
])("the prices %j are read as %j", (column, prices) => {
  expect(pricesOf(column)).toEqual(prices);
});

test("a column is read by the beginning of its file, whatever follows", async () => {
  const header = "isbn;price\n";
  const row = (price: string) => `9780306406157;${price}\n`;
  const rows = await allRows(readCsv, header + row("12,50") + row("1.234").repeat(50_000) + row("3.50"));
  expect(rows[49_999]).toMatchObject({ book: { price: "1234.00" } });
  expect(rows.at(-1)).toMatchObject({
    row: 50_002,
    details: [{ path: "price", message: 'must have "," before its decimals, like the rest of the column' }],
  });
});

test("the decimal mark can be given", async () => {
  const read = (decimal: "." | ",") =>
    allRows((source) => readCsv(source, { decimal }), "isbn;price\n9780306406157;1.200\n");
  expect(await read(",")).toMatchObject([{ book: { price: "1200.00" } }]);
  expect(await read(".")).toMatchObject([{ book: { price: "1.20" } }]);
});

test.each<[cell: string, value: number | undefined]>([
  ["7", 7],
  ["7.0", 7],
  ["1,234", 1234],
  ["1.234", 1234],
  ["1 234 567", 1_234_567],
  ["-3", -3],
  ["7.5", undefined],
  ["1.23", undefined],
  ["many", undefined],
])("as a whole number %j is %j", (cell, value) => {
  const reading = readInteger(cell);
  expect("value" in reading ? reading.value : undefined).toBe(value);
});

test("pages may have a unit", () => {
  for (const cell of ["245", "245 p.", "245 pages", "245 Seiten", "245S."])
    expect(readPages(cell)).toEqual({ value: 245 });
});

const datesOf = (cells: string[]) => {
  const style = styleOf([], cells);
  return cells.map((cell) => {
    const reading = readDate(cell, style);
    return "value" in reading ? reading.value : undefined;
  });
};

test.each<[column: string[], dates: (string | undefined)[]]>([
  [
    ["2008", "2008.0", "2008-09", "2008-09-14"],
    ["2008", "2008", "2008-09", "2008-09-14"],
  ],
  [
    ["20080914", "200809", "2008/09/14"],
    ["2008-09-14", "2008-09", "2008-09-14"],
  ],
  [
    ["2008-09-14T10:00:00Z", "2008-09-14 00:00"],
    ["2008-09-14", "2008-09-14"],
  ],
  [
    ["14.9.2008", "09.2008", "3-4-2008"],
    ["2008-09-14", "2008-09", "2008-04-03"],
  ],
  [
    ["14/09/2008", "03/04/2008"],
    ["2008-09-14", "2008-04-03"],
  ],
  [
    ["9/14/2008", "03/04/2008"],
    ["2008-09-14", "2008-03-04"],
  ],
  [
    ["03/04/2008", "05/05/2008"],
    [undefined, "2008-05-05"],
  ],
  [
    ["September 2008", "-750", "n.d."],
    [undefined, undefined, undefined],
  ],
])("the dates %j are read as %j", (column, dates) => {
  expect(datesOf(column)).toEqual(dates);
});

test.each([
  ["eng", "en"],
  ["en-US", "en-US"],
  ["spa", "es"],
  ["ger", "de"],
  ["deu", "de"],
  ["Deutsch", "de"],
  ["Français", "fr"],
  ["Español", "es"],
  ["pt_BR", "pt-BR"],
  ["grc", "grc"],
])("the language %j is %j", (written, tag) => {
  expect(languageOf(written)).toBe(tag);
});

test.each([
  ["Hardcover", "hardback"],
  ["Gebundene Ausgabe", "hardback"],
  ["Relié", "hardback"],
  ["Tapa dura", "hardback"],
  ["paperback", "paperback"],
  ["Mass Market Paperback", "paperback"],
  ["Taschenbuch", "paperback"],
  ["Broché", "paperback"],
  ["Tapa blanda", "paperback"],
  ["board_book", "board_book"],
  ["E-Book", "ebook"],
  ["Kindle Edition", "ebook"],
  ["Audio CD", "audiobook"],
  ["Hörbuch", "audiobook"],
  ["other", "other"],
  ["Scroll", undefined],
])("the format %j is %j", (written, format) => {
  expect(formatOf(written)).toBe(format);
});
