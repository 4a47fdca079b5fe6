/** `npm run db:seed`: generated books that the API would accept, with their stock movements. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { parseIsbn } from "../../src/books/isbn.ts";
import { createTestDatabase } from "../support/database.ts";

async function seed(url: string, ...flags: string[]) {
  const child = spawn(process.execPath, ["dev/seed.ts", ...flags], {
    env: { ...process.env, DATABASE_URL: url },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let error = "";
  child.stderr.on("data", (chunk) => {
    error += chunk;
  });
  const [code] = await once(child, "close");
  return { code, error };
}

test("npm run db:seed adds the requested number of valid books, in every run", async () => {
  const database = await createTestDatabase();
  const indexes = () =>
    database.sql("select indexdef from pg_indexes where schemaname = 'public' order by 1");
  const before = await indexes();
  for (const [books, total] of [
    [300, 300],
    [7_000, 7_300],
  ] as const) {
    expect(await seed(database.url, "--books", `${books}`)).toEqual({ code: 0, error: "" });
    const [counted] = await database.sql("select count(*)::int as total from books");
    expect(counted).toEqual({ total });
  }
  const books = await database.sql<{ isbn: string; title: string }>("select isbn, title from books");
  expect(books.filter(({ isbn }) => parseIsbn(isbn) !== isbn)).toEqual([]);
  expect(new Set(books.map(({ title }) => title)).size).toBeGreaterThan(1_000);
  const [ledger] = await database.sql(
    "select sum(delta)::int = (select sum(stock) from books) as whole from stock_movements",
  );
  expect(ledger).toEqual({ whole: true });
  expect(await indexes()).toEqual(before);
});

test.each([[["--books", "0"]], [["--books", "many"]], [["--books", "1.5"]], [["--boks", "5"]]])(
  "npm run db:seed responds to the arguments %j with its usage",
  async (flags) => {
    const { code, error } = await seed("postgres://nobody:nothing@127.0.0.1:1/x", ...flags);
    expect([code, error]).toEqual([1, "Usage: npm run db:seed -- --books NUMBER\n"]);
  },
);

test("npm run db:seed explains in a sentence without the password that the database cannot be reached", async () => {
  const { code, error } = await seed("postgres://nobody:nothing@127.0.0.1:1/x");
  expect(code).toBe(1);
  expect(error).toMatch(/^The database at 127\.0\.0\.1:1 cannot be reached: .*\.\n$/);
  expect(error).not.toContain("nothing");
});
