/** `repairIsbn` reads what spreadsheets and library systems make of ISBNs, and says what it repaired. */
import { expect, test } from "vitest";
import { refusalOf, repairIsbn } from "../../src/books/isbn-repair.ts";

test.each<[text: string, isbn: string, ...repairs: string[]]>([
  ["9780306406157", "9780306406157"],
  ["0306406152", "9780306406157", "isbn_10"],
  ["306406152", "9780306406157", "isbn_leading_zeros"],
  ["7232837", "9780007232833", "isbn_leading_zeros"],
  ["306406152.0", "9780306406157", "isbn_leading_zeros", "isbn_spreadsheet"],
  ["9780306406157.0", "9780306406157", "isbn_spreadsheet"],
  ['="306406152"', "9780306406157", "isbn_leading_zeros", "isbn_spreadsheet"],
  ['="9780306406157"', "9780306406157", "isbn_spreadsheet"],
  ["'9780306406157", "9780306406157", "isbn_spreadsheet"],
  ["306-40615-2", "9780306406157", "isbn_sbn", "isbn_separators"],
  ["SBN 306406152", "9780306406157", "isbn_sbn", "isbn_label"],
  ["80442957X", "9780804429573", "isbn_sbn"],
  ["978-0-306-40615-7", "9780306406157", "isbn_separators"],
  ["978‑0–306—40615−7", "9780306406157", "isbn_separators"],
  ["0 8044 2957 x", "9780804429573", "isbn_10", "isbn_separators"],
  ["ISBN-13: 9780306406157", "9780306406157", "isbn_label"],
  ["ISBN 1030640610", "9781030640619", "isbn_10", "isbn_label"],
  ["EAN 9780306406157", "9780306406157", "isbn_label"],
  ["0306406152 (pbk.)", "9780306406157", "isbn_10", "isbn_qualifier"],
  ["0306406152 pbk", "9780306406157", "isbn_10", "isbn_qualifier"],
  ["0306406152 :", "9780306406157", "isbn_10", "isbn_qualifier"],
  ["9780306406157 (v. 1)", "9780306406157", "isbn_qualifier"],
  ["\u200e9780306406157\ufeff", "9780306406157"],
])("%j is %s", (text, isbn, ...repairs) => {
  expect(repairIsbn(text)).toEqual({ isbn, repairs });
});

test.each([
  [""],
  ["9780306406158"],
  ["306406153"],
  ["978030640615"],
  ["9.78043902348e+12"],
  ["9,78043902348E+12"],
  ["9.780439023481E+12"],
  ["306406152.5"],
  ["0000000"],
  ["406152"],
  ["9790260000438"],
  ["9780306406157 9780804429573"],
  ["0306406152 12.99"],
  ["NaN"],
])("%j is refused", (text) => {
  expect(repairIsbn(text)).toBeUndefined();
});

test("only one of eleven numbers that lack zeros passes", () => {
  const good = Array.from({ length: 11_000 }, (_, at) => repairIsbn(String(3_064_061 + at))).filter(Boolean);
  expect(good.length).toBeGreaterThan(900);
  expect(good.length).toBeLessThan(1_100);
});

test("a refusal names scientific notation", () => {
  expect(refusalOf("9.78043902348e+12")).toContain("scientific notation");
  expect(refusalOf("9,78E+12")).toContain("scientific notation");
  expect(refusalOf("978030640615")).toBe("must be a valid ISBN-10 or ISBN-13");
});

test("long text takes no time", () => {
  const start = performance.now();
  for (const mark of ["1", "-", " ", "(", "x", "1 ", "ISBN ", '"', "("])
    repairIsbn(mark.repeat(1_000_000 / mark.length));
  expect(performance.now() - start).toBeLessThan(2_000);
});
