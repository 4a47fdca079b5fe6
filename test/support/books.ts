import { readdirSync, readFileSync } from "node:fs";

/** The format of a book's JSON, from the newest migration that sets it. It is the last part of a book's ETag. */
export const BOOK_FORMAT = Number(
  readdirSync("drizzle")
    .filter((name) => name.endsWith(".sql"))
    .sort()
    .flatMap(
      (name) =>
        readFileSync(`drizzle/${name}`, "utf8").match(/octavo_book_format\(\).*?RETURN (\d+)/s)?.[1] ?? [],
    )
    .at(-1),
);

/** A valid ISBN-13 for every number. */
export function isbnOf(number: number): string {
  const digits = `978${String(number).padStart(9, "0")}`;
  let sum = 0;
  for (let at = 0; at < 12; at++) sum += Number(digits[at]) * (at % 2 === 0 ? 1 : 3);
  return digits + ((10 - (sum % 10)) % 10);
}

let next = 100_000_000;

/** A valid new book with a unique ISBN. */
export function newBook(members: Record<string, unknown> = {}) {
  return { title: "Dune", author: "Frank Herbert", isbn: isbnOf(next++), price: 9.99, stock: 3, ...members };
}
