/** The names under which connections keep prepared statements. */
import { sql } from "drizzle-orm";
import { expect, test } from "vitest";
import { definePages, orderBy } from "../../src/db/keyset.ts";
import { stockMovements } from "../../src/db/schema.ts";
import { compiler, type Definition } from "../../src/db/statements.ts";

const compiled = (definition: Definition, compile = compiler()) => compile({ definition, values: { a: 1 } });

test("a statement's name depends on its text alone, not on the process or the order of compilation", () => {
  const one: Definition = { types: { a: "int" }, build: (value) => sql`select ${value("a")}` };
  const other: Definition = { types: { a: "bigint" }, build: (value) => sql`select ${value("a")}` };
  const compile = compiler();
  const names = [compiled(one, compile), compiled(other, compile)].map(({ name }) => name);
  expect(names).toEqual([compiled(one).name, compiled(other).name]);
  expect(new Set(names).size).toBe(2);
  // Postgres truncates names longer than 63 bytes.
  for (const name of names) expect(name).toMatch(/^octavo_[0-9a-f]{32}$/);
});

test("two listings of one table in one order are two statements, whichever is compiled first", () => {
  const order = orderBy(stockMovements.created_at, stockMovements.id, true);
  const json = sql`id`;
  const all = definePages(stockMovements, order, { json, types: {} });
  const ofBook = definePages(stockMovements, order, {
    json,
    types: { book: "uuid" },
    filters: (value) => [sql`book_id = ${value("book")}`],
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
