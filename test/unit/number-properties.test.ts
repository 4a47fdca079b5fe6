/** Prices, dates and days, compared with what Intl and Date make of them. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  type ColumnStyle,
  readDate,
  readInteger,
  readPages,
  readPrice,
  styleOf,
} from "../../src/catalogue/numbers.ts";
import { dateIn, startOfDay } from "../../src/staff/days.ts";
import { NumberFault, Numbers } from "../../src/staff/numbers.ts";
import { anyText, holds, madeOf } from "../support/fuzz.ts";

const LOCALES = ["en", "de", "fr", "de-CH", "hi", "pl", "es", "ar-EG", "sv", "pt-BR", "ja"];
const CURRENCIES = ["EUR", "JPY", "KWD", "USD"];
const cents = fc.oneof(fc.nat(9_999_999_999), fc.nat(100_000));

const numbersOf = new Map(
  LOCALES.flatMap((locale) =>
    CURRENCIES.map((currency) => [`${locale} ${currency}`, new Numbers({ locale, currency })]),
  ),
);
const shop = fc.constantFrom(...numbersOf.keys());

test("a price that a field shows is read as the same price, in every locale", () => {
  const property = fc.property(shop, cents, (name, amount) => {
    const numbers = numbersOf.get(name) as Numbers;
    expect(numbers.read(numbers.price(amount / 100))).toBe(amount / 100);
    expect(numbers.read(numbers.whole(amount))).toBe(amount);
  });
  holds(property);
});

test("what Intl writes with marks between thousands is read as the number", () => {
  const property = fc.property(fc.constantFrom(...LOCALES), cents, (locale, amount) => {
    const written = new Intl.NumberFormat(locale, { minimumFractionDigits: 2 }).format(amount / 100);
    expect(numbersOf.get(`${locale} EUR`)?.read(written)).toBe(amount / 100);
  });
  holds(property, { share: 0.2 });
});

test("whatever is typed is a number or a fault in words", () => {
  const typed = fc.oneof(
    anyText(),
    madeOf(["1", "12", "345", ".", ",", "'", "’", " ", "\u00a0", "-", "−", "٣", "８", "e", "+"]),
  );
  const property = fc.property(shop, typed, (name, text) => {
    try {
      expect(numbersOf.get(name)?.read(text)).toSatisfy(Number.isFinite);
    } catch (error) {
      expect(error).toBeInstanceOf(NumberFault);
    }
  });
  holds(property);
});

const MARKS: [decimal: "." | ",", group: string][] = [
  [".", ","],
  [",", "."],
  [".", "'"],
  [",", " "],
  [".", ""],
  [",", ""],
];
const NO_STYLE: ColumnStyle = { decimal: undefined, currency: undefined, dateOrder: undefined };

test("a column of prices is read as they were, whichever marks and currency it has", () => {
  const currency = fc.constantFrom(["", ""], ["€", ""], ["", " €"], ["USD ", ""], ["", " kr"]);
  const column = fc.array(cents, { minLength: 1, maxLength: 8 });
  const property = fc.property(
    column,
    fc.constantFrom(...MARKS),
    currency,
    (amounts, [decimal, group], [before, after]) => {
      const cells = amounts.map((amount) => {
        const whole = `${Math.floor(amount / 100)}`.replace(/\B(?=(\d{3})+$)/g, group);
        return `${before}${whole}${decimal}${`${amount % 100}`.padStart(2, "0")}${after}`;
      });
      const style = styleOf(cells, []);
      for (const [at, cell] of cells.entries())
        expect(readPrice(cell, style)).toEqual({ value: (amounts[at] ?? 0) / 100 });
    },
  );
  holds(property);
});

test("a column of dates is read as they were, whichever comes first", () => {
  const day = fc.date({ min: new Date("1000-01-01"), max: new Date("2999-12-31"), noInvalidDate: true });
  const property = fc.property(fc.array(day, { minLength: 1, maxLength: 8 }), fc.nat(5), (days, form) => {
    const cells = days.map((date) => {
      const [year = "", month = "", day = ""] = date.toISOString().slice(0, 10).split("-");
      const [m, d] = [Number(month), Number(day)];
      return (
        [
          `${year}-${month}-${day}`,
          `${year}${month}${day}`,
          `${d}.${m}.${year}`,
          `${m}/${d}/${year}`,
          `${d}/${m}/${year}`,
          `${year}/${month}/${day}T00:00`,
        ][form] ?? ""
      );
    });
    const style = styleOf([], cells);
    for (const [at, cell] of cells.entries()) {
      const found = readDate(cell, style);
      const expected = days[at]?.toISOString().slice(0, 10);
      // Only a column whose days all could be months does not show its order.
      if (!("value" in found)) expect(cell).toMatch(/^(\d|1[0-2])\/(\d|1[0-2])\//);
      else expect(found.value).toBe(expected);
    }
  });
  holds(property);
});

test("no cell is an error", () => {
  const cell = fc.oneof(
    anyText(),
    madeOf(["1", "12", "2008", ".", ",", "/", "-", "€", "EUR", " ", "T", "p.", "'", "kr", "–", "0"], 20),
  );
  const style = fc.record({
    decimal: fc.constantFrom(".", ",", undefined),
    currency: fc.constantFrom("€", "EUR", undefined),
    dateOrder: fc.constantFrom("day", "month", undefined),
  });
  const property = fc.property(cell, style, (text, style) => {
    for (const found of [
      readPrice(text, style),
      readPrice(text, NO_STYLE),
      readInteger(text),
      readPages(text),
    ])
      if ("value" in found) expect(found.value).not.toBeNaN();
    const date = readDate(text, style);
    if ("value" in date) expect(date.value).toMatch(/^\d{4}(-\d\d(-\d\d)?)?$/);
  });
  holds(property);
});

const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/St_Johns",
  "Asia/Kathmandu",
  "Africa/Cairo",
  "America/Sao_Paulo",
  "Pacific/Apia",
  "Australia/Lord_Howe",
  "Asia/Beirut",
];

test("a day begins at the first moment of its date, also where clocks change at midnight", () => {
  const day = fc.date({ min: new Date("1990-01-01"), max: new Date("2035-12-31"), noInvalidDate: true });
  const property = fc.property(fc.constantFrom(...ZONES), day, (zone, date) => {
    const name = date.toISOString().slice(0, 10);
    const start = Date.parse(startOfDay(zone, name));
    // Samoa had no 30 December 2011: that day begins with the next.
    if (dateIn(zone, start) === name) expect(dateIn(zone, start - 1) < name).toBe(true);
    else expect([zone, name]).toEqual(["Pacific/Apia", "2011-12-30"]);
  });
  holds(property, { share: 0.05 });
});
