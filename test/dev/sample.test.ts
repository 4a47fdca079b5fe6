/** The sample catalogue, and how it is loaded into a database once. */
import { beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { loadSample } from "../../dev/sample.ts";
import books from "../../dev/sample-books.json" with { type: "json" };
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

/** What the catalogue says about an edition. Null is what is not known for certain. */
const Edition = z.object({
  publisher: z.string().min(1).max(255).nullable(),
  published: z
    .string()
    .regex(/^\d{4}(-\d{2}(-\d{2})?)?$/)
    .nullable(),
  language: z.string().refine(isLanguageTag, "not a BCP 47 tag in its canonical form"),
  format: z.enum(["hardback", "paperback", "board_book", "ebook", "audiobook", "other"]).nullable(),
  pages: z.int().min(1).max(100_000).nullable(),
  cover_url: z.url({ protocol: /^https$/ }).max(2_000),
  subjects: z.array(z.string().min(1).max(100)).max(20),
});

function isLanguageTag(text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text)[0] === text;
  } catch {
    return false;
  }
}

test("every book of the sample catalogue describes its edition in valid forms", () => {
  expect(z.array(Edition).safeParse(books).error?.issues).toBeUndefined();
});

test("a cover is of the book's own ISBN, and no book has a subject twice", () => {
  for (const { isbn, cover_url, subjects } of books) {
    expect(cover_url).toContain(isbn);
    expect(new Set(subjects).size, isbn).toBe(subjects.length);
  }
});

describe("loading", () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase();
  });

  const insert =
    "insert into books (title, author, isbn, price, stock) values ('Mine', 'Me', '9780306406157', 1, 1)";

  test("a sample catalogue that was emptied stays empty", async () => {
    expect(await loadSample(database.url)).toBeGreaterThan(190);
    await database.sql("delete from books");
    expect(await loadSample(database.url)).toBe(0);
  });

  test("a catalogue with other books never gets the sample", async () => {
    await database.sql(insert);
    expect(await loadSample(database.url)).toBe(1);
    await database.sql("delete from books");
    expect(await loadSample(database.url)).toBe(0);
  });

  test("deleted books of the sample are not loaded again", async () => {
    const all = await loadSample(database.url);
    await database.sql("delete from books where isbn in (select isbn from books limit 10)");
    expect(await loadSample(database.url)).toBe(all - 10);
  });

  test("simultaneous starts load the sample once", async () => {
    const counts = await Promise.all([1, 2, 3].map(() => loadSample(database.url)));
    expect(new Set(counts).size).toBe(1);
  });

  test("a failed load leaves nothing, so that the next one is complete", async () => {
    await database.sql(
      `create function refuse() returns trigger language plpgsql as $$ begin raise 'refused'; end $$;
       create constraint trigger refuse after insert on books deferrable initially deferred
         for each row execute function refuse()`,
    );
    await expect(loadSample(database.url)).rejects.toThrow("refused");
    await database.sql("drop function refuse cascade");
    expect(await loadSample(database.url)).toBeGreaterThan(190);
  });
});
