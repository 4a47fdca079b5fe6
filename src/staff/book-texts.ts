/** A book as the texts of a form, and back. */
import type * as z from "zod";
import { OPTIONAL, WRITABLE, type writable } from "../books/book.ts";
import { textOf } from "../http/form.ts";
import { faultsOf, NO_MESSAGE } from "../http/validate.ts";
import type { BookMembers } from "../pages/words.ts";
import { NumberFault, type Numbers } from "./numbers.ts";

export type Member = keyof typeof writable;

/** What the fields of a form say. */
export type Texts = Partial<Record<Member, string>>;

/** What is wrong with each field, in the words of the API. */
export type Faults = Partial<Record<Member, string>>;

/** The fields of a book, as a form says them. */
export function textsOf(book: BookMembers, numbers: Numbers): Record<Member, string> {
  const texts = Object.fromEntries(WRITABLE.map((name) => [name, oneLine(`${book[name] ?? ""}`)]));
  return {
    ...(texts as Record<Member, string>),
    price: numbers.price(book.price),
    stock: numbers.whole(book.stock),
    pages: book.pages === null ? "" : numbers.whole(book.pages),
    description: withLineFeeds(book.description ?? ""),
    subjects: book.subjects.map(oneLine).join("\n"),
  };
}

/** As a browser has it in a field of one line: otherwise it would look changed. */
const oneLine = (text: string) => text.replace(/[\r\n]+/g, " ");
const withLineFeeds = (text: string) => text.replace(/\r\n?/g, "\n");

/** What was typed. Fields that the form does not have are left out; browsers send line breaks as CR LF. */
export const typedIn = (form: FormData): Texts =>
  Object.fromEntries(
    WRITABLE.filter((name) => form.has(name)).map((name) => [name, withLineFeeds(textOf(form, name))]),
  );

/** The texts with which the form began; none if somebody has changed them. */
export function textsIn(json: string): Texts {
  try {
    const texts: unknown = JSON.parse(json);
    const entries = WRITABLE.map((name) => [name, (texts as Texts | null)?.[name]] as const);
    return Object.fromEntries(entries.filter(([, text]) => typeof text === "string"));
  } catch {
    return {};
  }
}

/** The names of the fields that say something else. */
export const changedIn = (typed: Texts, before: Texts): Member[] =>
  WRITABLE.filter((name) => typed[name] !== undefined && typed[name] !== before[name]);

/** Reads what was typed by a schema of the API. The members are those that the schema gives; undefined with faults. */
export function membersIn<Schema extends z.ZodType>(
  schema: Schema,
  typed: Texts,
  numbers: Numbers,
): { members: z.output<Schema> | undefined; faults: Faults } {
  const faults: Faults = {};
  const given: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(typed) as [Member, string][]) {
    try {
      given[name] = memberOf(name, text, numbers);
    } catch (fault) {
      if (!(fault instanceof NumberFault)) throw fault;
      faults[name] = fault.message;
    }
  }
  const result = schema.safeParse(given, NO_MESSAGE);
  for (const { path, message } of faultsOf("body", given, result)) {
    const [name = "", place] = path.split(".");
    faults[name as Member] ??= place === undefined ? message : `${message} (number ${Number(place) + 1})`;
  }
  return { members: Object.keys(faults).length === 0 ? result.data : undefined, faults };
}

/** @throws NumberFault */
function memberOf(name: Member, text: string, numbers: Numbers): unknown {
  const isBlank = text.trim() === "";
  if (isBlank && OPTIONAL[name] === null) return null;
  switch (name) {
    case "price":
    case "stock":
    case "pages":
      return numbers.read(text);
    case "subjects":
      return text.split("\n").filter((line) => line.trim() !== "");
    default:
      return text;
  }
}
