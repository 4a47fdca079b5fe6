/** Numbers as they are typed, by locale: read as the locale has them, and never guessed. */
import { expect, test } from "vitest";
import { Numbers } from "../../src/staff/numbers.ts";

const EITHER = /^must be .+ or .+: its mark could mean either$/;
const NONE = /^must be a number, such as /;

const read = (locale: string, typed: string): unknown => {
  try {
    return new Numbers({ locale, currency: "EUR" }).read(typed);
  } catch (fault) {
    return (fault as Error).message;
  }
};

test.each<[locale: string, typed: string, number: number]>([
  ["de-DE", "12,50", 12.5],
  ["de-DE", "12.50", 12.5],
  ["de-DE", " 12,5 ", 12.5],
  ["de-DE", "1.234", 1234],
  ["de-DE", "1.234,5", 1234.5],
  ["de-DE", "1.234.567", 1_234_567],
  ["de-DE", "-3", -3],
  ["de-DE", "−3", -3],
  ["de-DE", "１２", 12],
  ["en-US", "12.50", 12.5],
  ["en-US", "12,50", 12.5],
  ["en-US", "1,234", 1234],
  ["en-US", "1,234.50", 1234.5],
  ["en-US", "0.500", 0.5],
  ["en-IN", "1,23,456.7", 123_456.7],
  ["fr-FR", "1 234,5", 1234.5],
  ["fr-FR", "1\u00a0234,5", 1234.5],
  ["de-CH", "1'234.50", 1234.5],
  ["de-CH", "1’234.50", 1234.5],
  ["ar-EG", "١٬٢٣٤٫٥", 1234.5],
  ["ar-EG", "12.5", 12.5],
  ["fa-IR", "۱۲٫۵", 12.5],
])("%s reads %j as %d", (locale, typed, number) => {
  expect(read(locale, typed)).toBe(number);
});

test.each<[locale: string, typed: string, fault: RegExp]>([
  ["de-DE", "1,234", EITHER],
  ["en-US", "1.234", EITHER],
  ["en-US", "12.500", EITHER],
  ["fr-FR", "1.234", EITHER],
  ["fr-FR", "1,234", EITHER],
  ["de-CH", "1,234", EITHER],
  ["de-DE", "", /^is required$/],
  ["de-DE", " ", /^is required$/],
  ["de-DE", "12,", NONE],
  ["de-DE", ",5", NONE],
  ["de-DE", "12,5,5", NONE],
  ["de-DE", "1.23.456", NONE],
  ["de-DE", "1,234.50", NONE],
  ["en-US", "1.234,50", NONE],
  ["en-US", "1,23,4", NONE],
  ["en-US", "1 234", NONE],
  ["fr-FR", "12 50", NONE],
  ["de-CH", "12’50", NONE],
  ["en-US", "12e3", NONE],
  ["en-US", "0x10", NONE],
  ["en-US", "NaN", NONE],
  ["en-US", "Infinity", NONE],
  ["en-US", "--1", NONE],
  ["en-US", "12 €", NONE],
  ["en-US", "\0", NONE],
  ["en-US", "\ud800", NONE],
])("%s does not read %j", (locale, typed, fault) => {
  expect(read(locale, typed)).toMatch(fault);
});

test.each([
  ["de-DE", "EUR", "1234,50", "1234567"],
  ["en-US", "USD", "1234.50", "1234567"],
  ["ja-JP", "JPY", "1234.5", "1234567"],
  ["ar-EG", "EGP", "١٢٣٤٫٥٠", "١٢٣٤٥٦٧"],
])("%s writes numbers that it reads", (locale, currency, price, whole) => {
  const numbers = new Numbers({ locale, currency });
  expect([numbers.price(1234.5), numbers.whole(1_234_567)]).toEqual([price, whole]);
  expect([numbers.read(price), numbers.read(whole)]).toEqual([1234.5, 1_234_567]);
});
