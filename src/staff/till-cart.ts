/**
 * What a form of lines holds: at the till, for goods in, and while counting. The server keeps nothing of it until it is
 * saved, so all of it is in the form's fields, as it was typed.
 */
import * as z from "zod";
import { isbn, MAX_STOCK } from "../books/book.ts";
import { parseIsbn } from "../books/isbn.ts";
import { type BookOnSale, readBooksOnSale } from "../books/store.ts";
import type { Database } from "../db/ports.ts";
import { integer } from "../http/fields.ts";
import { textOf } from "../http/form.ts";
import { Problem } from "../http/problem.ts";
import { faultsOf, NO_MESSAGE } from "../http/validate.ts";
import { MAX_LINES, reference } from "../stock/contract.ts";
import { NumberFault, type Numbers } from "./numbers.ts";

export interface Line {
  /** 13 digits, or what was typed if it is no ISBN. */
  isbn: string;
  /** As it was typed. */
  quantity: string;
  /** What is wrong, by field. */
  faults: { isbn?: string | undefined; quantity?: string | undefined };
  /** Undefined if there is no such book. */
  book?: BookOnSale | undefined;
}

/** What became of the last scan or of the whole cart: the page says it, and plays a tone. */
export interface Said {
  tone?: "scanned" | "unknown" | "refused" | undefined;
  text: string;
}

export interface Cart {
  /** Short, readable and random: the ledger's reference, under which the cart is saved once. */
  number: string;
  /** The number of a delivery note, if any. */
  reference: string;
  referenceFault?: string | undefined;
  /** The newest first. */
  lines: Line[];
  /** What was scanned, but has no room. */
  scanned?: string;
  said?: Said | undefined;
  /** The number under which other lines were saved before. */
  earlier?: string | undefined;
}

/** The date, and characters that nobody mistakes for others. */
export const CART_NUMBER = /^\d{6}-[0-9A-HJKMNP-TV-Z]{6}$/;
const CHARACTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export function newNumber(): string {
  const random = crypto.getRandomValues(new Uint8Array(6));
  const characters = Array.from(random, (byte) => CHARACTERS[byte % CHARACTERS.length]).join("");
  return `${new Date().toISOString().slice(2, 10).replaceAll("-", "")}-${characters}`;
}

export const newCart = (): Cart => ({ number: newNumber(), reference: "", lines: [] });

/** Nobody types more into a field. */
const MAX_TYPED = 100;
/** Fewer digits than these do not show that a scan was cut short. */
const MIN_PART = 4;

/** A line of a sale or a delivery, by the rules of the API. */
export const CartLine = z.object({ isbn: isbn(), quantity: integer({ min: 1, max: MAX_STOCK }) });

const typed = (text: string) => text.trim().slice(0, MAX_TYPED);

/** Reads a cart from its form, without the line that was removed. */
export function readCart(form: FormData, numbers: Numbers): Cart {
  const lines = readLines(form);
  const removed = textOf(form, "remove");
  return {
    number: readNumber(form),
    reference: textOf(form, "reference"),
    lines: merged(removed === "" ? lines : lines.filter(({ isbn }) => isbn !== removed), numbers),
  };
}

/** The number of a form, or a new one if it has none. */
export function readNumber(form: FormData): string {
  const number = textOf(form, "number");
  return CART_NUMBER.test(number) ? number : newNumber();
}

/** @throws Problem `validation_failed` for more lines than a form can have got */
export function readLines(form: FormData): Line[] {
  const quantities = form.getAll("quantity");
  const isbns = form.getAll("isbn").map(String);
  if (isbns.length > MAX_LINES)
    throw new Problem("validation_failed", `The lines must have ${MAX_LINES} items or fewer.`);
  return isbns.map((isbn, at) => lineOf(isbn, String(quantities[at] ?? "")));
}

export const lineOf = (isbn: string, quantity: string): Line => ({
  isbn: parseIsbn(isbn) ?? typed(isbn),
  quantity: typed(quantity),
  faults: {},
});

/** One line for each book: whoever corrects an ISBN may name a book that is there. */
function merged(lines: Line[], numbers: Numbers): Line[] {
  const byIsbn = new Map<string, Line>();
  for (const line of lines) {
    const first = byIsbn.get(line.isbn);
    if (first) first.quantity = sumOf(first.quantity, line.quantity, numbers);
    else byIsbn.set(line.isbn, line);
  }
  return [...byIsbn.values()];
}

/** A quantity as a number; NaN if it is none. */
function numberOf(text: string, numbers: Numbers): number {
  try {
    return numbers.read(text);
  } catch (fault) {
    if (fault instanceof NumberFault) return Number.NaN;
    throw fault;
  }
}

/** A quantity that is no whole number stays as it is: it has to be corrected first. */
function sumOf(one: string, other: string, numbers: Numbers): string {
  const sum = numberOf(one, numbers) + numberOf(other, numbers);
  return Number.isSafeInteger(sum) ? `${sum}` : one;
}

/**
 * Adds one copy of what was scanned. The line becomes the first.
 *
 * @returns false if there is no room for another line
 */
export function scan(cart: Cart, text: string, numbers: Numbers): boolean {
  const added = lineOf(text, "1");
  const earlier = cart.lines.find(({ isbn }) => isbn === added.isbn);
  const others = cart.lines.filter((line) => line !== earlier && !isPartOf(line.isbn, added.isbn));
  if (!earlier && others.length === MAX_LINES) return false;
  if (earlier) added.quantity = sumOf(earlier.quantity, "1", numbers);
  cart.lines = [added, ...others];
  return true;
}

/** Whether a scan was cut short of the one that followed it. */
const isPartOf = (text: string, isbn: string): boolean =>
  parseIsbn(text) === undefined &&
  text.length >= MIN_PART &&
  parseIsbn(isbn) !== undefined &&
  isbn.includes(text);

/**
 * Adds what is wrong with a line by the rules of the API.
 *
 * @returns the quantity as a number; NaN if something is wrong with it
 */
export function checkLine(line: Line, schema: typeof CartLine, numbers: Numbers): number {
  const given = { isbn: line.isbn, quantity: numberOf(line.quantity, numbers) };
  if (Number.isNaN(given.quantity)) line.faults.quantity = "must be a whole number";
  for (const { path, message } of faultsOf("body", given, schema.safeParse(given, NO_MESSAGE)))
    line.faults[path as keyof Line["faults"]] ??= message;
  return line.faults.quantity === undefined ? given.quantity : Number.NaN;
}

/** Checks all of a cart; see {@link checkLine}. */
export function check(cart: Cart, numbers: Numbers): number[] {
  const given = cart.reference || null;
  for (const { message } of faultsOf("body", given, reference.safeParse(given, NO_MESSAGE)))
    cart.referenceFault ??= message;
  return cart.lines.map((line) => checkLine(line, CartLine, numbers));
}

/** Adds the books to lines, in one round trip. */
export async function addBooks(lines: Line[], database: Database): Promise<void> {
  const isbns = lines.map(({ isbn }) => isbn).filter((isbn) => parseIsbn(isbn) === isbn);
  const books = await readBooksOnSale(database, isbns);
  for (const line of lines) {
    line.book = books.get(line.isbn);
    if (!line.book) line.faults.isbn ??= "names no book";
  }
}

export const isWrong = ({ faults }: Line): boolean => (faults.isbn ?? faults.quantity) !== undefined;

/** What the page says of a line that is wrong. */
export function saidOfFault({ isbn, book, faults }: Line): Said | undefined {
  if (faults.isbn) return { tone: parseIsbn(isbn) ? "unknown" : "refused", text: `${isbn} ${faults.isbn}.` };
  return faults.quantity ? { tone: "refused", text: `${book?.title}: ${faults.quantity}.` } : undefined;
}

export const hasFaults = ({ lines, referenceFault }: Cart): boolean =>
  referenceFault !== undefined || lines.some(isWrong);

/** The sum of the lines that can be counted. Their prices are counted in cents, so that nothing drifts. */
export function totalOf(lines: Line[], quantities: number[]): number {
  const cents = lines.map(({ book }, at) => (book ? centsOf(book.price, quantities[at]) : 0));
  return cents.reduce((sum, each) => sum + each, 0) / 100;
}

/** What so many copies cost; 0 if their number is none that can be sold. */
export const sumAt = (price: number, quantity: number | undefined): number => centsOf(price, quantity) / 100;

const centsOf = (price: number, quantity = Number.NaN): number =>
  Number.isSafeInteger(quantity) && quantity > 0 ? Math.round(price * 100) * quantity : 0;

/** How many copies there are, in words. Those that cannot be counted do not count. */
export function booksIn(quantities: number[]): string {
  const countable = quantities.filter((quantity) => Number.isSafeInteger(quantity) && quantity > 0);
  const copies = countable.reduce((sum, quantity) => sum + quantity, 0);
  return copies === 1 ? "1 book" : `${copies} books`;
}
