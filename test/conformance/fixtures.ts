/** The rows of every database before every case, with fixed ids and times, so that responses are predictable. */
import { createHmac } from "node:crypto";
import { getTableName } from "drizzle-orm";
import * as schema from "../../src/db/schema.ts";
import { isbnOf } from "../support/books.ts";

/** The configuration of every server, the same on each runtime. */
export const VARIABLES = {
  CURSOR_KEY: "the key of the conformance suite's cursors",
  AUTH_SECRET: "the secret of the conformance suite's tokens",
  AUTH_ISSUER: "https://id.example",
  AUTH_AUDIENCE: "octavo",
  CORS_ORIGINS: "https://shop.example, http://localhost:3000",
  // The suite sends more requests than the quota.
  RATE_LIMIT: "off",
};

/** The configuration of servers without authentication and database: nothing listens on port 9 (discard). */
export const BARE = {
  DATABASE_URL: "postgres://nobody:nothing@127.0.0.1:9/nowhere",
  NEON_FETCH_ENDPOINT: "http://127.0.0.1:9/sql",
  RATE_LIMIT: "off",
};

/** The prefix of fixture ids, which no generated id has. */
export const ID_PREFIX = "00000000-0000-7000-8000-";

/** The year of fixture times, which no generated time has. */
export const YEAR = "2020";

export const idOf = (number: number) => ID_PREFIX + String(number).padStart(12, "0");

/** An id that does not exist. */
export const MISSING = idOf(999_999);

const TITLES = [
  "Zoo",
  "apple",
  "Äpfel",
  "Dune",
  "dune",
  "Émile",
  "The Trial",
  "1984",
  "Catch-22",
  "100% Wool",
  "O'Brien",
  "(Ab)normal",
  "C++",
  "Under_score",
  "Back\\slash",
  "ΣΊΣΥΦΟΣ",
  "Анна Каренина",
  "東京タワー",
  "𝔸 astral 😀",
  'Quotes " and controls \u0001\u007f\u2028',
  "Dune Messiah",
  "مئة عام",
];
const AUTHORS = ["Émile Zola", "J. R. R. Tolkien", "Le Guin", "Percent 50%"];
const PRICES = ["0.00", "9.99", "12.50", "0.01", "100.00", "99999999.99"];
const DESCRIPTIONS = [null, "", "Two lines\nand a tab\t.", "“Ünïcödé” 😀 </script>"];

/** Books with many equal sort keys: few prices, authors and times. */
export const BOOKS = TITLES.map((title, at) => ({
  id: idOf(at + 1),
  title,
  author: AUTHORS[at % AUTHORS.length],
  isbn: isbnOf(at + 1),
  price: PRICES[at % PRICES.length],
  stock: at % PRICES.length === 0 ? 0 : at === 1 ? 2_147_483_647 : at,
  description: DESCRIPTIONS[at % DESCRIPTIONS.length],
  created_at: `${YEAR}-01-01T00:00:00.${String(100_000 + (at >> 1)).padStart(6, "0")}Z`,
  updated_at: `${YEAR}-02-03T04:05:06.${String(at * 1000).padStart(6, "0")}Z`,
  version: at + 1,
}));

export const TASKS = Array.from({ length: 9 }, (_, at) => ({
  id: idOf(101 + at),
  title: `${TITLES[at]}, on shelf ${at}`,
  completed: at % 3 === 0,
  created_at: `${YEAR}-03-01T00:00:0${at >> 1}.000001Z`,
  updated_at: `${YEAR}-03-02T00:00:00.000000Z`,
  version: at + 1,
}));

/** Several movements of the fourth book, and the first one of every other book with stock. */
export const MOVEMENTS = BOOKS.flatMap(({ id, stock, created_at }, at) => {
  const deltas = at === 3 ? [5, -2, 10, -10, 1, -1] : stock > 0 ? [stock] : [];
  return deltas.map((delta, count) => ({
    id: idOf(1000 + 10 * at + count),
    book_id: id,
    delta,
    stock_after: deltas.slice(0, count + 1).reduce((sum, change) => sum + change),
    reason: count === 0 ? null : `reason ${count}: “é”`,
    created_at: created_at.replace("-01-01T00:00:00", `-01-01T00:00:0${count >> 1}`),
  }));
});

type Fixture = (typeof BOOKS)[number];

/** Rows that cases refer to. */
export const [ZOO, APPLE, , DUNE] = BOOKS as [Fixture, Fixture, Fixture, Fixture];

function insert(table: string, rows: readonly object[]): string {
  const columns = Object.keys(rows[0] ?? {}).join();
  return `insert into ${table} (${columns})
    select ${columns} from jsonb_populate_recordset(null::${table}, $rows$${JSON.stringify(rows)}$rows$)`;
}

/** All tables but the one row that says how the feed is. */
const TABLES = Object.values(schema)
  .map(getTableName)
  .filter((table) => table !== getTableName(schema.bookFeed));

/**
 * SQL that resets the tables to the fixtures. Only the triggers that derive data are enabled, because the others would
 * generate ids and times.
 */
export const RESET = `
  begin;
  alter table books enable always trigger books_derive;
  alter table books enable always trigger books_search_insert;
  alter table books enable always trigger books_change_insert;
  set local session_replication_role = replica;
  ${TABLES.map((table) => `delete from ${table};`).join(" ")}
  ${insert("books", BOOKS)};
  ${insert("stock_movements", MOVEMENTS)};
  ${insert("tasks", TASKS)};
  commit;
  analyze books, book_changes, book_search, search_words, tasks;`;

const part = (value: unknown) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

const CLAIMS = {
  sub: "tester",
  iss: VARIABLES.AUTH_ISSUER,
  aud: VARIABLES.AUTH_AUDIENCE,
  exp: 4_102_444_800,
};

/** A valid token in JWS compact serialisation (RFC 7515) with changes; undefined claims are left out. */
export function token(
  claims: Record<string, unknown> | string,
  {
    header = { alg: "HS256", typ: "JWT" },
    secret = VARIABLES.AUTH_SECRET,
    hash = "sha256",
  }: { header?: Record<string, unknown>; secret?: string; hash?: string } = {},
): string {
  const payload = typeof claims === "string" ? claims : { ...CLAIMS, ...claims };
  const signed = `${part(header)}.${part(payload)}`;
  return `${signed}.${createHmac(hash, secret).update(signed).digest("base64url")}`;
}

export const ROLES = ["clerk", "editor", "admin"] as const;
export type Role = (typeof ROLES)[number];
