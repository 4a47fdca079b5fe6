/** How pages say what a book is, and what it costs. */
import type * as z from "zod";
import type { Book } from "../books/book.ts";
import type { Shop } from "./shop.ts";

export type BookMembers = z.output<typeof Book>;

/** So few copies are told by their number. */
const FEW = 5;

export const FORMAT_NAMES: Record<NonNullable<BookMembers["format"]>, string> = {
  hardback: "Hardback",
  paperback: "Paperback",
  board_book: "Board book",
  ebook: "E-book",
  audiobook: "Audiobook",
  other: "Other",
};

/** The stock in words, and a tone for them. */
export function stockOf(stock: number): { words: string; tone: "in" | "low" | "out" } {
  if (stock === 0) return { words: "Out of stock", tone: "out" };
  return stock <= FEW ? { words: `${stock} left`, tone: "low" } : { words: "In stock", tone: "in" };
}

/** The part of a book's address that people read: its title, without what addresses have to escape. */
export const slugOf = (title: string): string =>
  title
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .normalize("NFC")
    .toLowerCase()
    .replace(/['’.]/g, "")
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-+/, "")
    .slice(0, 60)
    .replace(/[-\ud800-\udbff]+$/, "");

/** The path of a book's page. */
export function pathOf({ isbn, title }: Pick<BookMembers, "isbn" | "title">): string {
  const slug = slugOf(title);
  return `/books/${isbn}${slug && `-${encodeURIComponent(slug)}`}`;
}

/** Languages to choose from, by the number of books that are published in them. */
const LANGUAGES = ["en", "zh", "de", "es", "ja", "fr", "ru", "it", "pt", "ko", "nl", "pl", "sv", "tr", "ar"];

/** Writes prices, dates and languages as the shop does. */
export class Writer {
  readonly #price: Intl.NumberFormat;
  readonly #dates: Record<number, Intl.DateTimeFormat>;
  readonly #number: Intl.NumberFormat;
  readonly #time: Intl.DateTimeFormat;
  readonly #languages = new Intl.DisplayNames("en", { type: "language", fallback: "none" });

  /** The languages to choose from, with their names. */
  readonly choices: [tag: string, name: string][];

  constructor({ locale, currency, timeZone }: Shop) {
    this.#price = new Intl.NumberFormat(locale, { style: "currency", currency });
    this.#number = new Intl.NumberFormat(locale);
    const date = (options: Intl.DateTimeFormatOptions) =>
      new Intl.DateTimeFormat(locale, { timeZone: "UTC", calendar: "gregory", ...options });
    this.#dates = {
      4: date({ year: "numeric" }),
      7: date({ year: "numeric", month: "long" }),
      10: date({ dateStyle: "long" }),
    };
    const minutes = { dateStyle: "medium", timeStyle: "short" } as const;
    this.#time = new Intl.DateTimeFormat(locale, { timeZone, calendar: "gregory", ...minutes });
    this.choices = LANGUAGES.map((tag): [string, string] => [tag, this.language(tag) ?? tag]).sort(
      ([, one], [, other]) => (one < other ? -1 : 1),
    );
  }

  price(price: number): string {
    return this.#price.format(price);
  }

  /** A whole number, with marks between thousands. */
  whole(number: number): string {
    return this.#number.format(number);
  }

  /** A date as exact as it is known: `2008`, `2008-09` or `2008-09-14`. */
  date(date: string): string {
    return this.#dates[date.length]?.format(new Date(date)) ?? date;
  }

  /** A time as the clocks of the shop show it. */
  time(time: string): string {
    return this.#time.format(new Date(time));
  }

  /** The English name of a language; undefined for a tag that is well-formed but means none. */
  language(tag: string): string | undefined {
    try {
      return this.#languages.of(tag);
    } catch {
      return undefined;
    }
  }

  /** How an element says in which language a book is. */
  lang({ language }: Pick<BookMembers, "language">): string | undefined {
    return language && this.language(language) ? language : undefined;
  }
}
