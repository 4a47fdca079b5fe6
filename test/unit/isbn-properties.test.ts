/** ISBNs in any writing, checked by the arithmetic of the standard (ISO 2108). */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseIsbn } from "../../src/books/isbn.ts";
import { repairIsbn } from "../../src/books/isbn-repair.ts";
import { anyText, holds, madeOf } from "../support/fuzz.ts";

const digit = fc.integer({ min: 0, max: 9 });
const digits = (count: number) => fc.array(digit, { minLength: count, maxLength: count });

/** The weighted sum of the whole number, which has to be divisible. */
const isGood13 = (text: string) =>
  [...text].reduce((sum, digit, at) => sum + Number(digit) * (at % 2 ? 3 : 1), 0) % 10 === 0;
const isGood10 = (text: string) =>
  [...text].reduce((sum, digit, at) => sum + (digit === "X" ? 10 : Number(digit)) * (10 - at), 0) % 11 === 0;

const isbn13 = fc
  .tuple(fc.constantFrom("978", "9791", "9798"), digits(9), digit)
  .map(([prefix, rest]) => `${prefix}${rest.join("")}`.slice(0, 12))
  .map((body) => body + [..."0123456789"].find((check) => isGood13(body + check)));
const isbn10 = digits(9)
  .map((list) => list.join(""))
  .map((body) => body + [..."0123456789X"].find((check) => isGood10(body + check)))
  .filter((isbn) => isbn !== "0000000000");

/** Separators that may stand anywhere. */
const separator = fc.constantFrom("", "", "", "-", " ", "–", "\u2212", "\u00ad", "\u200b", "\ufeff", "  ");
const written = (isbn: fc.Arbitrary<string>) =>
  fc
    .tuple(
      isbn,
      fc.array(separator, { minLength: 14, maxLength: 14 }),
      fc.boolean(),
      fc.constantFrom("", "ISBN ", "ISBN: ", "isbn"),
    )
    .map(([isbn, separators, isWide, label]) => {
      const text = Array.from(isbn, (digit, at) => separators[at] + digit).join("");
      const wide = text.replace(/[\dX]/g, (digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0));
      return { isbn, text: label + (isWide ? wide : text) };
    });

test("an ISBN-13 is read from any writing of it", () => {
  holds(
    fc.property(written(isbn13), ({ isbn, text }) => {
      expect(parseIsbn(text)).toBe(isbn);
    }),
  );
});

test("an ISBN-10 is read as the ISBN-13 of the same nine digits", () => {
  const property = fc.property(written(isbn10), ({ isbn, text }) => {
    const found = parseIsbn(text) ?? "";
    expect(found.slice(0, 12)).toBe(`978${isbn.slice(0, 9)}`);
    expect(isGood13(found)).toBe(true);
  });
  holds(property);
});

test("an ISBN with one wrong digit, or two neighbours of an ISBN-10 swapped, is none", () => {
  const property = fc.property(isbn13, isbn10, fc.nat(9), digit, (thirteen, ten, at, other) => {
    const changed = thirteen.slice(0, at) + other + thirteen.slice(at + 1);
    if (changed !== thirteen) expect(parseIsbn(changed)).toBeUndefined();
    const [one = "", two = ""] = [ten[at], ten[at + 1]];
    if (at < 8 && one !== two) {
      expect(parseIsbn(ten.slice(0, at) + two + one + ten.slice(at + 2))).toBeUndefined();
    }
  });
  holds(property);
});

const PARTS = [
  "978",
  "979",
  "0",
  "306",
  "40615",
  "7",
  "X",
  "x",
  "-",
  " ",
  "ISBN",
  "=",
  '"',
  "(",
  ")",
  "pbk.",
  "E+12",
  ".0",
  "'",
  "SBN",
  "８",
];

test("whatever is written, what is read is an ISBN with a good checksum", () => {
  const property = fc.property(fc.oneof(madeOf(PARTS), anyText()), (text) => {
    for (const found of [parseIsbn(text), repairIsbn(text)?.isbn]) {
      if (found === undefined) continue;
      expect(found).toMatch(/^97(8|9[1-9])\d/);
      expect(found).toHaveLength(13);
      expect(isGood13(found)).toBe(true);
    }
  });
  holds(property);
});

test("what the API reads, a file may have, and a repaired ISBN needs no more repair", () => {
  const property = fc.property(fc.oneof(written(isbn13), written(isbn10)), ({ text }) => {
    const repaired = repairIsbn(text);
    expect(repaired?.isbn).toBe(parseIsbn(text));
    expect(repairIsbn(repaired?.isbn ?? "")).toEqual({ isbn: repaired?.isbn, repairs: [] });
  });
  holds(property);
  holds(
    fc.property(madeOf(PARTS), (text) => {
      const direct = parseIsbn(text);
      if (direct !== undefined) expect(repairIsbn(text)?.isbn).toBe(direct);
    }),
  );
});
