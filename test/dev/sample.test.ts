/** The sample catalogue, which is loaded into a database once. */
import { beforeEach, expect, test } from "vitest";
import { loadSample } from "../../dev/sample.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

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
