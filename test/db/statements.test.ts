/** How statements are told apart, and what connections know them by. */
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { definePages } from "../../src/db/keyset.ts";
import { stockMovements } from "../../src/db/schema.ts";
import { compiler, type Definition } from "../../src/db/statements.ts";

const compiled = (definition: Definition, compile = compiler()) => compile({ definition, values: { a: 1 } });

test("a statement's name says its text, whichever process compiles it and in whatever order", () => {
  const one: Definition = { build: (value) => sql`select ${value("a")}::int` };
  const other: Definition = { build: (value) => sql`select ${value("a")}::bigint` };
  const compile = compiler();
  const names = [compiled(one, compile), compiled(other, compile)].map(({ name }) => name);
  expect(names).toEqual([compiled(one).name, compiled(other).name]);
  expect(new Set(names).size).toBe(2);
  // Postgres cuts longer names off.
  for (const name of names) expect(name).toMatch(/^octavo_[0-9a-f]{32}$/);
});

test("two listings of one table in one order are two statements, whichever is asked for first", () => {
  const order = { column: stockMovements.createdAt, id: stockMovements.id, descending: true };
  const json = sql`id`;
  const all = definePages(stockMovements, order, { json });
  const ofBook = definePages(stockMovements, order, {
    json,
    filters: (value) => [sql`book_id = ${value("book")}::uuid`],
  });
  for (const listings of [
    [all, ofBook],
    [ofBook, all],
  ]) {
    const compile = compiler();
    const texts = listings.map(
      (pages) => [pages, compile(pages(undefined, 20, { book: "x" })).text] as const,
    );
    for (const [pages, text] of texts) expect(text.includes("book_id")).toBe(pages === ofBook);
  }
});
