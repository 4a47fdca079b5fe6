/** A book, declared once: what responses contain and what clients write. Each member is a column of the table. */
import * as z from "zod";
import {
  fail,
  integer,
  keysOf,
  moment,
  readOnlyMembers,
  text,
  uuid,
  withoutReadOnly,
} from "../http/fields.ts";
import { parseIsbn } from "./isbn.ts";

export const MAX_PRICE = 99_999_999.99;
export const MAX_STOCK = 2_147_483_647;

const MAX_PAGES = 100_000;
const MAX_SUBJECTS = 20;
export const FORMATS = ["hardback", "paperback", "board_book", "ebook", "audiobook", "other"] as const;

/** A date as exact as it is known. */
const PUBLISHED = /^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$/;
const PUBLISHED_FORMS = "A year, a month or a day: `2008`, `2008-09` or `2008-09-14`.";

export const Book = z
  .strictObject({
    id: uuid(),
    title: z.string().meta({ examples: ["Flatland"] }),
    author: z.string().meta({ examples: ["Edwin A. Abbott"] }),
    isbn: z.string().meta({
      pattern: "^97[89][0-9]{10}$",
      description: "ISBN-13, digits only.",
      examples: ["9780486272634"],
    }),
    price: z.number().meta({ format: "double", minimum: 0, maximum: MAX_PRICE, examples: [5.5] }),
    stock: z.int().meta({ minimum: 0, maximum: MAX_STOCK, examples: [7] }),
    description: z
      .string()
      .nullable()
      .meta({ examples: [null] }),
    publisher: z
      .string()
      .nullable()
      .meta({ examples: ["Dover Publications"] }),
    published: z
      .string()
      .nullable()
      .meta({ pattern: PUBLISHED.source, description: PUBLISHED_FORMS, examples: ["1992-09-21"] }),
    language: z
      .string()
      .nullable()
      .meta({ description: "A BCP 47 tag.", examples: ["en"] }),
    format: z
      .enum(FORMATS)
      .nullable()
      .meta({ examples: ["paperback"] }),
    pages: z
      .int()
      .nullable()
      .meta({ minimum: 1, maximum: MAX_PAGES, examples: [96] }),
    cover_url: z
      .string()
      .nullable()
      .meta({ pattern: "^https://.", examples: ["https://covers.example/9780486272634.jpg"] }),
    subjects: z.array(z.string()).meta({ examples: [["Geometry", "Satire"]] }),
    created_at: moment(),
    updated_at: moment(),
  })
  .meta({ id: "Book" });

export const isbn = () =>
  z
    .string()
    .transform(
      (value, context) =>
        parseIsbn(value) ?? fail(context, "invalid_isbn", "must be a valid ISBN-10 or ISBN-13"),
    )
    .meta({
      format: "isbn",
      description:
        "ISBN-10 or ISBN-13. Hyphens, spaces, a label (`ISBN-13:`) and a qualifier (`(pbk.)`) are ignored.",
      examples: ["978-0-486-27263-4"],
    });

/** Converts a price to decimal text for NUMERIC(10,2), without rounding. */
const price = z
  .number()
  .min(0)
  .max(MAX_PRICE)
  .transform((value, context) => {
    const text = value.toFixed(2);
    return Number(text) === value ? text : fail(context, "invalid_format", "must have at most two decimals");
  })
  .meta({
    format: "double",
    minimum: 0,
    maximum: MAX_PRICE,
    description: "At most two decimals.",
    examples: [5.5],
  });

export const publishedDate = () =>
  z
    .string()
    .transform((value, context) => {
      // Date.parse takes all three forms, and turns 30 February into March.
      const day = `${value}${"-01-01".slice(value.length - 4)}`;
      const isDate = PUBLISHED.test(value) && new Date(day).toJSON()?.startsWith(day);
      return isDate
        ? value
        : fail(context, "invalid_format", "must be a date such as 2008, 2008-09 or 2008-09-14");
    })
    .meta({ pattern: PUBLISHED.source, description: PUBLISHED_FORMS, examples: ["1992-09-21"] });

/** A well-formed BCP 47 tag, in the case that RFC 5646 (2.1.1) recommends: `zh-Hant-TW`. */
export const languageTag = () =>
  z
    .string()
    .transform((value, context) => {
      if (value.length > 35 || !/^[a-z]{2,8}(-[a-z\d]{1,8})*$/i.test(value))
        return fail(context, "invalid_format", "must be a language tag such as en or pt-BR");
      return value
        .toLowerCase()
        .replace(/(?<=-)[a-z]{2}(?=-|$)/g, (region) => region.toUpperCase())
        .replace(/(?<=-)[a-z]{4}(?=-|$)/g, (script) => `${script[0]?.toUpperCase()}${script.slice(1)}`);
    })
    .meta({ maxLength: 35, description: "A BCP 47 tag.", examples: ["en"] });

const coverUrl = text({ min: 1, max: 2000 })
  .transform((value, context) =>
    /^https:\/\/[^\s/]/i.test(value) && URL.canParse(value)
      ? value.replace(/^https/i, "https")
      : fail(context, "invalid_format", "must be an https URL"),
  )
  .meta({
    pattern: "^https://.",
    maxLength: 2000,
    examples: ["https://covers.example/9780486272634.jpg"],
  });

/** What a client may write, member by member. */
export const writable = {
  title: text({ min: 1, max: 255 }).meta({ examples: ["Flatland"] }),
  author: text({ min: 1, max: 255 }).meta({ examples: ["Edwin A. Abbott"] }),
  isbn: isbn(),
  price,
  stock: integer({ min: 0, max: MAX_STOCK }).meta({ examples: [7] }),
  description: text({ min: 0, max: 10_000 }).nullable(),
  publisher: text({ min: 1, max: 255 })
    .nullable()
    .meta({ examples: ["Dover Publications"] }),
  published: publishedDate().nullable(),
  language: languageTag().nullable(),
  format: z
    .enum(FORMATS)
    .nullable()
    .meta({ examples: ["paperback"] }),
  pages: integer({ min: 1, max: MAX_PAGES })
    .nullable()
    .meta({ examples: [96] }),
  cover_url: coverUrl.nullable(),
  subjects: z
    .array(text({ min: 1, max: 100 }))
    .max(MAX_SUBJECTS)
    .meta({ examples: [["Geometry", "Satire"]] }),
};

/** The members that a client writes; each is a column of the table. */
export const WRITABLE = keysOf(writable);

/** A rule across two members. The database enforces it too, because only it knows the merged record of an update. */
export const ZERO_PRICE_WITH_STOCK = "must be above 0 for a book with stock";

export const BookInput = z
  .strictObject({
    ...writable,
    stock: writable.stock.default(0),
    description: writable.description.default(null),
    publisher: writable.publisher.default(null),
    published: writable.published.default(null),
    language: writable.language.default(null),
    format: writable.format.default(null),
    pages: writable.pages.default(null),
    cover_url: writable.cover_url.default(null),
    subjects: writable.subjects.default([]),
  })
  .superRefine(
    ({ price, stock }, context) => {
      if (Number(price) === 0 && stock > 0)
        fail(context, "zero_price_with_stock", ZERO_PRICE_WITH_STOCK, ["price"]);
    },
    // Runs only if each member is valid.
    { when: ({ issues }) => issues.length === 0 },
  )
  .meta({ id: "BookInput" });

const DEFAULTS = Object.entries(BookInput.shape).map(
  ([name, schema]) => [name, schema.safeParse(undefined)] as const,
);

/** The members that a new book must have. */
export const REQUIRED = DEFAULTS.filter(([, { success }]) => !success).map(([name]) => name);

/** What a new book has if a request leaves a member out. */
export const OPTIONAL = Object.fromEntries(
  DEFAULTS.flatMap(([name, { success, data }]) => (success ? [[name, data]] : [])),
);

export const BookChanges = z
  .strictObject({ ...writable, ...readOnlyMembers })
  .partial()
  .transform(withoutReadOnly)
  .meta({ id: "BookChanges", examples: [{ price: 4.95, stock: 12 }] });

export type BookInput = z.output<typeof BookInput>;
export type BookChanges = z.output<typeof BookChanges>;
