/**
 * The tables. Constraints carry names because each name is mapped to one answer of the API
 * (`books/routes.ts`, `tasks/routes.ts`), and the database holds every rule that the API promises.
 * Triggers and functions, which Drizzle cannot express, are in `drizzle/*.sql` beside the generated SQL.
 */
import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  customType,
  index,
  integer,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  unique,
  uuid,
} from "drizzle-orm/pg-core";

/** Text that sorts by Unicode's root collation on every machine ("apple" before "Zoo"). */
const sortedText = customType<{ data: string }>({ dataType: () => 'text collate "und-x-icu"' });

/** UUIDs are version 7, made by a function of ours: Postgres has its own from 18 on, and 17 must do. */
const id = () => uuid("id").notNull().default(sql`octavo_uuid_v7()`);
const moment = (name: string) => timestamp(name, { withTimezone: true, mode: "string" }).notNull();

/** Counts the changes of a row; a trigger adds one with every update that changes something. */
const version = () => bigint("version", { mode: "bigint" }).notNull().default(sql`1`);

export const books = pgTable(
  "books",
  {
    id: id(),
    title: sortedText("title").notNull(),
    author: sortedText("author").notNull(),
    isbn: text("isbn").notNull(),
    price: numeric("price", { precision: 10, scale: 2 }).notNull(),
    stock: integer("stock").notNull().default(0),
    description: text("description"),
    createdAt: moment("created_at").default(sql`now()`),
    updatedAt: moment("updated_at").default(sql`now()`),
    version: version(),
    // The columns below are derived: the trigger books_derive writes them, and nobody else can.
    // What `search` and `author` look into, as folding a text costs more than reading it. U+001F separates the fields.
    searchText: text("search_text").notNull(),
    authorSearchText: text("author_search_text").notNull(),
    // The book as the API answers it, as writing the JSON of a page costs twice as much as finding its rows.
    json: text("json").notNull(),
    // Which members the JSON has. A new member changes it, and with it the ETag, but not the version.
    format: smallint("format").notNull().default(1),
  },
  (book) => [
    primaryKey({ name: "books_pkey", columns: [book.id] }),
    unique("books_isbn_key").on(book.isbn),
    check("books_title_length", sql`char_length(${book.title}) between 1 and 255`),
    check("books_author_length", sql`char_length(${book.author}) between 1 and 255`),
    check("books_isbn_digits", sql`${book.isbn} ~ '^97[89][0-9]{10}$'`),
    // NaN is the greatest numeric, and equal to itself.
    check("books_price_range", sql`${book.price} >= 0 and ${book.price} <> 'NaN'`),
    check("books_stock_range", sql`${book.stock} >= 0`),
    check("books_description_length", sql`char_length(${book.description}) <= 10000`),
    check("books_zero_price_with_stock", sql`${book.price} > 0 or ${book.stock} = 0`),
    // One index per sort serves both directions; the id makes each key unique.
    index("books_created_at_idx").on(book.createdAt, book.id),
    index("books_title_idx").on(book.title, book.id),
    index("books_author_idx").on(book.author, book.id),
    index("books_price_idx").on(book.price, book.id),
    index("books_search_idx").using(
      "gin",
      book.searchText.op("gin_trgm_ops"),
      book.authorSearchText.op("gin_trgm_ops"),
    ),
  ],
);

/** The ledger: triggers write one row for every change of `books.stock`, whoever makes it. */
export const stockMovements = pgTable(
  "stock_movements",
  {
    id: id(),
    bookId: uuid("book_id")
      .notNull()
      .references(() => books.id, { onDelete: "cascade" }),
    delta: integer("delta").notNull(),
    stockAfter: integer("stock_after").notNull(),
    reason: text("reason"),
    createdAt: moment("created_at").default(sql`clock_timestamp()`),
  },
  (movement) => [
    primaryKey({ name: "stock_movements_pkey", columns: [movement.id] }),
    check("stock_movements_reason_length", sql`char_length(${movement.reason}) <= 100`),
    index("stock_movements_book_idx").on(movement.bookId, movement.createdAt, movement.id),
  ],
);

/** How requests with an Idempotency-Key were answered, for a day: see `idempotency.ts`. */
export const idempotencyKeys = pgTable(
  "idempotency_keys",
  {
    // A digest of the caller and the key: subjects of tokens have any length.
    key: text("key").notNull(),
    fingerprint: text("fingerprint").notNull(),
    status: smallint("status"),
    headers: jsonb("headers"),
    body: text("body"),
    // What the last version kept instead, and still reads while this one is rolled out.
    id: uuid("id"),
    version: bigint("version", { mode: "bigint" }),
    json: text("json"),
    createdAt: moment("created_at").default(sql`now()`),
  },
  (kept) => [
    primaryKey({ name: "idempotency_keys_pkey", columns: [kept.key] }),
    index("idempotency_keys_created_at_idx").on(kept.createdAt),
  ],
);

export const tasks = pgTable(
  "tasks",
  {
    id: id(),
    title: text("title").notNull(),
    completed: boolean("completed").notNull().default(false),
    createdAt: moment("created_at").default(sql`now()`),
    updatedAt: moment("updated_at").default(sql`now()`),
    version: version(),
  },
  (task) => [
    primaryKey({ name: "tasks_pkey", columns: [task.id] }),
    check("tasks_title_length", sql`char_length(${task.title}) between 1 and 255`),
    index("tasks_created_at_idx").on(task.createdAt, task.id),
    index("tasks_completed_idx").on(task.completed, task.createdAt, task.id),
  ],
);
