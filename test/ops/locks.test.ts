/** The line at the top of each migration that says what it locks, compared with the locks that Postgres takes. */
import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import journal from "../../drizzle/meta/_journal.json" with { type: "json" };
import { isConcurrent } from "../../ops/background.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

/** From the strongest on; these block writes, or more. */
const MODES = ["ACCESS EXCLUSIVE", "SHARE ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE"];

/** The locks that this transaction has on tables that were there before it, as the first line of a migration writes them. */
const LOCKED = `select relname as name,
    array_agg(upper(regexp_replace(regexp_replace(mode, 'Lock$', ''), '([a-z])([A-Z])', '\\1 \\2', 'g'))) as modes
  from pg_locks join pg_class on pg_class.oid = relation
  where pid = pg_backend_pid() and relkind = 'r' and relnamespace = 'public'::regnamespace
    and relname = any ($1) and mode ~ 'Exclusive' and mode <> 'RowExclusiveLock'
  group by relname order by relname`;

let database: TestDatabase;
const observed = new Map<string, string>();

/** Applies one migration after the other, each in its transaction. */
beforeAll(async () => {
  database = await createTestDatabase();
  await database.sql("drop schema drizzle cascade; drop schema public cascade; create schema public");
  const client = await database.connect();
  for (const { tag } of journal.entries) {
    const before = await database.sql<{ name: string }>(
      "select tablename::text as name from pg_tables where schemaname = 'public'",
    );
    const statements = readFileSync(`drizzle/${tag}.sql`, "utf8").split("--> statement-breakpoint");
    await client.query("begin");
    for (const statement of statements) if (!isConcurrent(statement)) await client.query(statement);
    const names = before.map(({ name }) => name);
    const { rows } = await client.query<{ name: string; modes: string[] }>(LOCKED, [names]);
    await client.query("commit");
    observed.set(tag, rows.map(({ name, modes }) => `${name} (${strongest(modes)})`).join(", ") || "nothing");
  }
  await client.end();
});

const strongest = (modes: string[]) => MODES.find((mode) => modes.includes(mode)) ?? modes.join();

test.each(journal.entries.map(({ tag }) => tag))(
  "%s says at its top what it locks, and for how long",
  (tag) => {
    const text = readFileSync(`drizzle/${tag}.sql`, "utf8");
    const [first = ""] = text.split("\n");
    const [, locks, time] = first.match(/^-- Locks: (nothing|.+\))(?: for (.+))?\.$/) ?? [];
    expect([tag, locks]).toEqual([tag, observed.get(tag)]);
    if (locks !== "nothing") expect(time, "how long").toBeTruthy();
  },
);

test("an index is built concurrently if comments stand before its statement, too", () => {
  const index = 'CREATE INDEX CONCURRENTLY "books_pages_idx" ON "books" USING btree ("pages");';
  expect(
    ["", "\n", "-- Locks: nothing.\n", "-- Locks: nothing.\n\n-- Why.\n"].map((top) =>
      isConcurrent(top + index),
    ),
  ).toEqual([true, true, true, true]);
  expect(isConcurrent(`-- ${index}\nSELECT 1`)).toBe(false);
});
