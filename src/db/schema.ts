/**
 * The tables. A column has the name of the JSON member that it holds. The database enforces every rule that the API
 * promises. Constraints have names; a feature's `routes.ts` maps those that a valid body can violate to problems.
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

/** Text that sorts and compares by its bytes, as LIKE and ranges of beginnings need it. */
const byteText = customType<{ data: string }>({ dataType: () => 'text collate "C"' });
const tsvector = customType<{ data: string }>({ dataType: () => "tsvector" });
/** The id of a transaction, which never repeats within a cluster. */
const xid8 = customType<{ data: string }>({ dataType: () => "xid8" });

/** Text that sorts by Unicode's root collation on every machine ("apple" before "Zoo"). */
const sortedText = customType<{ data: string }>({ dataType: () => 'text collate "und-x-icu"' });

/** A version 7 UUID. Postgres has a function for it from version 18 on; on 17, `octavo_uuid_v7` makes it. */
const id = () => uuid("id").notNull().default(sql`octavo_uuid_v7()`);
const moment = (name: string) => timestamp(name, { withTimezone: true, mode: "string" }).notNull();

/** Counts the changes of a row: a trigger adds 1 with every update that changes something. */
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
    publisher: text("publisher"),
    // A year, a month or a day, as exact as it is known. As text, the three sort together.
    published: text("published"),
    language: text("language"),
    format: text("format"),
    pages: integer("pages"),
    cover_url: text("cover_url"),
    subjects: text("subjects").array().notNull().default(sql`'{}'`),
    created_at: moment("created_at").default(sql`now()`),
    updated_at: moment("updated_at").default(sql`now()`),
    version: version(),
    // What the movement of a write says beside its numbers: `actor`, `reason` and `reference`. A write that changes the stock
    // sets the first; the trigger books_attribute empties it into the second, where the movement finds it.
    next_movement: jsonb("next_movement"),
    last_movement: jsonb("last_movement"),
    // The trigger books_derive writes the columns below, and nothing else can.
    // Where version 0.1.0 searches. Null in books that were written since; the next version drops both and their index.
    search_text: text("search_text"),
    author_search_text: text("author_search_text"),
    // The book as the API represents it: writing the JSON of a page costs twice as much as finding its rows.
    json: text("json").notNull(),
    // The format of the JSON. A new member changes it, and with it the ETag, but not the version.
    json_format: smallint("json_format").notNull().default(1),
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
    check("books_publisher_length", sql`char_length(${book.publisher}) between 1 and 255`),
    check(
      "books_published_date",
      sql`${book.published} ~ '^\\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\\d|3[01]))?)?$'`,
    ),
    check("books_language_tag", sql`${book.language} ~ '^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$'`),
    check(
      "books_format_name",
      sql`${book.format} in ('hardback', 'paperback', 'board_book', 'ebook', 'audiobook', 'other')`,
    ),
    check("books_pages_range", sql`${book.pages} between 1 and 100000`),
    check(
      "books_cover_url_length",
      sql`${book.cover_url} like 'https://%' and char_length(${book.cover_url}) <= 2000`,
    ),
    check("books_subjects_count", sql`cardinality(${book.subjects}) <= 20`),
    check("books_zero_price_with_stock", sql`${book.price} > 0 or ${book.stock} = 0`),
    // One index per sort serves both directions; the id makes each key unique.
    index("books_created_at_idx").on(book.created_at, book.id),
    index("books_title_idx").on(book.title, book.id),
    index("books_author_idx").on(book.author, book.id),
    index("books_price_idx").on(book.price, book.id),
    index("books_published_idx").on(sql`coalesce(${book.published}, '') collate "C"`, book.id).concurrently(),
    // Filters, in the default order of the listing.
    index("books_publisher_idx")
      .on(sql`lower(${book.publisher} collate pg_c_utf8)`, book.created_at, book.id)
      .concurrently(),
    index("books_language_idx")
      .on(sql`lower(${book.language} collate "C")`, book.created_at, book.id)
      .concurrently(),
    index("books_format_idx").on(book.format, book.created_at, book.id).concurrently(),
    index("books_subjects_idx").using("gin", sql`octavo_lower(${book.subjects})`).concurrently(),
    index("books_search_idx").using(
      "gin",
      book.search_text.op("gin_trgm_ops"),
      book.author_search_text.op("gin_trgm_ops"),
    ),
  ],
);

/**
 * What a search reads of each book. Triggers on `books` write it, and leave it alone when only stock changes. It has no
 * foreign key, which would lock the book a second time.
 */
export const bookSearch = pgTable(
  "book_search",
  {
    book_id: uuid("book_id").notNull(),
    // Folded, without what is in brackets.
    title: byteText("title").notNull(),
    words: tsvector("words").notNull(),
  },
  (entry) => [
    primaryKey({ name: "book_search_pkey", columns: [entry.book_id] }),
    index("book_search_title_idx").on(entry.title, entry.book_id),
    index("book_search_words_idx").using("gin", entry.words),
  ],
);

/**
 * Each word of `book_search`, to find those that resemble what somebody typed. A word may be there twice: a unique index
 * would make writers of the same new word wait for each other.
 */
export const searchWords = pgTable("search_words", { word: byteText("word").notNull() }, (entry) => [
  index("search_words_word_idx").on(entry.word),
  index("search_words_reverse_idx").on(sql`reverse(${entry.word})`),
  index("search_words_trigram_idx").using("gin", entry.word.op("gin_trgm_ops")),
]);

/**
 * Which transaction last wrote each book, and its stock: what the feed and the order by stock read. Triggers on `books` write
 * it. Indexes of these on `books` would keep sales from being HOT updates. Of a deleted book a tombstone stays.
 */
export const bookChanges = pgTable(
  "book_changes",
  {
    book_id: uuid("book_id").notNull(),
    xid: xid8("xid").notNull(),
    // Null in tombstones. The other columns are null in books.
    stock: integer("stock"),
    isbn: text("isbn"),
    version: bigint("version", { mode: "bigint" }),
    deleted_at: timestamp("deleted_at", { withTimezone: true, mode: "string" }),
  },
  (change) => [
    primaryKey({ name: "book_changes_pkey", columns: [change.book_id] }),
    index("book_changes_xid_idx").on(change.xid, change.book_id),
    index("book_changes_stock_idx").on(change.stock, change.book_id).where(sql`${change.stock} is not null`),
    index("book_changes_deleted_idx").on(change.deleted_at).where(sql`${change.deleted_at} is not null`),
  ],
);

/** The state of the feed: one row. */
export const bookFeed = pgTable("book_feed", {
  // A new epoch voids all cursors.
  epoch: uuid("epoch").notNull().default(sql`gen_random_uuid()`),
  // The newest transaction of which a tombstone was removed.
  removed_to: xid8("removed_to").notNull().default("0"),
  // The cluster whose transactions `book_changes` names. Null until it has all books.
  cluster: bigint("cluster", { mode: "bigint" }),
});

/**
 * The ledger: triggers write one row for every change of `books.stock`, by any client. It has no foreign key, because
 * movements outlive their book.
 */
export const stockMovements = pgTable(
  "stock_movements",
  {
    id: id(),
    book_id: uuid("book_id").notNull(),
    delta: integer("delta").notNull(),
    stock_after: integer("stock_after").notNull(),
    reason: text("reason"),
    created_at: moment("created_at").default(sql`clock_timestamp()`),
    // Null in movements of version 0.1.0 until their book is deleted: until then, the book tells.
    isbn: text("isbn"),
    reference: text("reference"),
    actor: text("actor"),
  },
  (movement) => [
    primaryKey({ name: "stock_movements_pkey", columns: [movement.id] }),
    check("stock_movements_reason_length", sql`char_length(${movement.reason}) <= 100`),
    check("stock_movements_reference_length", sql`char_length(${movement.reference}) <= 100`),
    index("stock_movements_book_idx").on(movement.book_id, movement.created_at, movement.id),
    // An expression of its own: by created_at, the planner would read all books' movements to find those of one.
    index("stock_movements_created_at_idx")
      .on(sql`(${movement.created_at} at time zone 'UTC')`, movement.id)
      .concurrently(),
    index("stock_movements_reason_idx")
      .on(movement.reason, movement.created_at, movement.id)
      .where(sql`${movement.reason} is not null`)
      .concurrently(),
    index("stock_movements_reference_idx")
      .on(movement.reference, movement.created_at, movement.id)
      .where(sql`${movement.reference} is not null`)
      .concurrently(),
  ],
);

/** Replies to requests with an Idempotency-Key, kept for a day: see `idempotency.ts`. */
export const idempotencyKeys = pgTable(
  "idempotency_keys",
  {
    // A digest of the caller and the key: subjects of tokens have any length.
    key: text("key").notNull(),
    fingerprint: text("fingerprint").notNull(),
    status: smallint("status"),
    headers: jsonb("headers"),
    body: text("body"),
    // What the previous version keeps instead. It still runs while this one is rolled out.
    id: uuid("id"),
    version: bigint("version", { mode: "bigint" }),
    json: text("json"),
    created_at: moment("created_at").default(sql`now()`),
  },
  (kept) => [
    primaryKey({ name: "idempotency_keys_pkey", columns: [kept.key] }),
    index("idempotency_keys_created_at_idx").on(kept.created_at),
  ],
);

/**
 * How many requests a client has made in its window, where RATE_LIMIT_STORE is postgres. The migration makes the table
 * unlogged: after a crash all quotas begin anew, and counting waits for no disk. Workers do not have it in their bundle.
 */
export const rateLimitWindows = /* @__PURE__ */ pgTable(
  "rate_limit_windows",
  {
    // A digest of the client.
    key: text("key").notNull(),
    requests: bigint("requests", { mode: "bigint" }).notNull(),
    ends_at: timestamp("ends_at", { withTimezone: true, mode: "string" }).notNull(),
  },
  (window) => [
    primaryKey({ name: "rate_limit_windows_pkey", columns: [window.key] }),
    index("rate_limit_windows_ends_at_idx").on(window.ends_at),
  ],
);

export const tasks = pgTable(
  "tasks",
  {
    id: id(),
    title: text("title").notNull(),
    completed: boolean("completed").notNull().default(false),
    created_at: moment("created_at").default(sql`now()`),
    updated_at: moment("updated_at").default(sql`now()`),
    version: version(),
  },
  (task) => [
    primaryKey({ name: "tasks_pkey", columns: [task.id] }),
    check("tasks_title_length", sql`char_length(${task.title}) between 1 and 255`),
    index("tasks_created_at_idx").on(task.created_at, task.id),
    index("tasks_completed_idx").on(task.completed, task.created_at, task.id),
  ],
);
