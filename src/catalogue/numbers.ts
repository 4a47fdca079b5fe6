/**
 * Prices and dates as a column writes them. `1.234` alone says neither 1234 nor 1.234, and `03/04/2008` neither March nor
 * April, but other cells of the column do. So a column is read by a sample from the beginning of its file.
 */
import type { RowFault } from "./rows.ts";

export interface ColumnStyle {
  decimal: "." | "," | undefined;
  /** The currency of most prices. Octavo keeps prices without one, so others are refused. */
  currency: string | undefined;
  /** What comes first in a date with slashes. */
  dateOrder: "day" | "month" | undefined;
}

export type Fault = Pick<RowFault, "code" | "message">;

/** What a cell holds, or why that cannot be told. */
export type Reading<T> = { value: T } | Fault;

const invalid = (message: string): Fault => ({ code: "invalid_format", message });

const CURRENCY = String.raw`\p{L}{0,3}\p{Sc}|[A-Z]{3}|kr\.?|Fr\.?|zł|Kč|Ft|lei|лв\.?|руб\.?`;
const GROUPING = String.raw`'’\s`;
const AMOUNT = new RegExp(
  String.raw`^(-?)(${CURRENCY})?\s*(-?)(\d(?:[\d.,${GROUPING}]*\d)?)(?:[.,][-–—]{1,2})?\s*(${CURRENCY})?$`,
  "u",
);

/** In this style, whole digits or groups of three, then perhaps decimals. */
const FORMS = {
  ".": new RegExp(String.raw`^(\d+|\d{1,3}(?:([,${GROUPING}])\d{3})(?:\2\d{3})*)(?:\.(\d+))?$`),
  ",": new RegExp(String.raw`^(\d+|\d{1,3}(?:([.${GROUPING}])\d{3})(?:\2\d{3})*)(?:,(\d+))?$`),
};

export function styleOf(prices: string[], dates: string[]): ColumnStyle {
  const amounts = prices.map((cell) => cell.trim().match(AMOUNT)).filter((found) => found !== null);
  return {
    decimal: mostFrequent(amounts.map(([, , , , number = ""]) => decimalMarkOf(number))),
    currency: mostFrequent(amounts.map(currencyOf)),
    dateOrder: mostFrequent(dates.map(orderOf)),
  };
}

/** Undefined if nothing tells, or if as many cells tell one thing as another. */
function mostFrequent<T>(votes: (T | undefined)[]): T | undefined {
  const counts = new Map<T, number>();
  for (const vote of votes) if (vote !== undefined) counts.set(vote, (counts.get(vote) ?? 0) + 1);
  const [first, second] = [...counts].sort(([, a], [, b]) => b - a);
  return first && first[1] !== second?.[1] ? first[0] : undefined;
}

/** The decimal mark that a number proves: 1,234.5 and 12.5 a point, 1.234.567 a comma, 1.234 none. */
function decimalMarkOf(number: string): "." | "," | undefined {
  const marks = number.replace(/[^.,]/g, "");
  const last = marks.at(-1) as "." | "," | undefined;
  if (last === undefined) return undefined;
  const isMixed = new Set(marks).size > 1;
  if (!isMixed && marks.length > 1) return last === "." ? "," : ".";
  if (isMixed) return last;
  const [whole = "", after = ""] = number.split(last);
  return after.length === 3 && /^[1-9]\d{0,2}$/.test(whole) ? undefined : last;
}

const currencyOf = (found: RegExpMatchArray) => found[2] ?? found[5];

/** @returns a number; whether it is a price that Octavo takes, the schema says */
export function readPrice(cell: string, style: ColumnStyle): Reading<number> {
  const found = cell.match(AMOUNT);
  if (!found) return { code: "invalid_type", message: "must be a number" };
  const [, sign, , innerSign, number = ""] = found;
  const currency = currencyOf(found);
  if (currency && style.currency && currency !== style.currency)
    return invalid(`must be in ${style.currency} like the rest of the column, not in ${currency}`);
  const decimal = style.decimal ?? decimalMarkOf(number);
  if (decimal === undefined && /[.,]/.test(number))
    return invalid("must show by its column whether its mark separates decimals or thousands");
  const form = number.match(FORMS[decimal ?? "."]);
  if (!form) return invalid(`must have "${decimal ?? "."}" before its decimals, like the rest of the column`);
  const [, whole = "", , decimals = ""] = form;
  const value = Number(`${whole.replace(/\D/g, "")}.${decimals || 0}`);
  return { value: sign || innerSign ? -value : value };
}

/** A whole number: marks between groups of three digits are thousands, and `.0` is what a spreadsheet adds. */
export function readInteger(cell: string): Reading<number> {
  const digits = cell.replace(/(?<=\d)[.,]0{1,2}$/, "");
  if (/^-?\d+$/.test(digits)) return { value: Number(digits) };
  if (/^-?\d{1,3}(?:([.,'’\s])\d{3})(?:\1\d{3})*$/.test(digits))
    return { value: Number(digits.replace(/[^-\d]/g, "")) };
  return { code: "invalid_type", message: "must be a whole number" };
}

/** `245`, `245 p.`, `245 Seiten` */
export const readPages = (cell: string) => readInteger(cell.replace(/\s*\p{L}+\.?$/u, ""));

const SLASHED = /^(\d{1,2})[/](\d{1,2})[/](\d{4})$/;

function orderOf(cell: string): "day" | "month" | undefined {
  const [, first, second] = cell.trim().match(SLASHED) ?? [];
  if (Number(first) > 12) return "day";
  return Number(second) > 12 ? "month" : undefined;
}

/** `2008`, `2008.0`, `975`, `20080914`, `2008/09/14`, `2008-09-14T00:00`, `14.9.2008`, and `9/14/2008` by the column. */
export function readDate(cell: string, { dateOrder }: ColumnStyle): Reading<string> {
  const text = cell
    .replace(/^(\d{3,4})\.0$/, "$1")
    .replace(/^\d{3}$/, "0$&")
    .replace(/[T ]\d{1,2}:.*$/, "");
  const iso = text.match(/^(\d{4})(?:[-/.]?(\d{2})(?:[-/.]?(\d{2}))?)?$/);
  if (iso) return { value: dateText(iso[1], iso[2], iso[3]) };
  const dotted = text.match(/^(\d{1,2})[.-](\d{1,2})[.-](\d{4})$/);
  if (dotted) return { value: dateText(dotted[3], dotted[2], dotted[1]) };
  const monthly = text.match(/^(\d{1,2})[./-](\d{4})$/);
  if (monthly) return { value: dateText(monthly[2], monthly[1]) };
  const slashed = text.match(SLASHED);
  if (!slashed) return invalid("must be a date such as 2008, 2008-09 or 2008-09-14");
  const order = dateOrder ?? orderOf(text) ?? (slashed[1] === slashed[2] ? "day" : undefined);
  if (!order) return invalid("must show by its column whether its day or its month comes first");
  const [, first, second, year] = slashed;
  return { value: order === "day" ? dateText(year, second, first) : dateText(year, first, second) };
}

const dateText = (...parts: (string | undefined)[]) =>
  parts
    .filter((part) => part !== undefined)
    .map((part) => part.padStart(2, "0"))
    .join("-");
