/** How the tables of the search follow the books. */
import { beforeAll, expect, test } from "vitest";
import { withClient } from "../../ops/command.ts";
import { migrate } from "../../ops/migrations.ts";
import { grantPrivileges } from "../../ops/privileges.ts";
import { createRole, createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.sql(
    `insert into books (title, author, isbn, price)
     select 'Common ' || n, 'Author ' || n, 9780000000000 + n, 1 from generate_series(1, 2500) as n`,
  );
});

/** The titles found, best first. */
async function find(search: string): Promise<string[]> {
  const rows = await database.sql<{ title: string }>(
    `select books.title from octavo_plan_search($1, null) as plan, octavo_search_books(plan, 1000) as hit join books on id = hit.book_id
     order by score desc, hit.book_id desc`,
    [search],
  );
  return rows.map(({ title }) => title);
}

test("the tables follow inserts, updates, deletions and rollbacks", async () => {
  const isbn = "9799999999990";
  const count = async (word: string) => (await find(word)).length;
  await database.sql(
    "insert into books (title, author, isbn, price) values ('Quixotic', 'Zamenhof', $1, 1)",
    [isbn],
  );
  expect(await find("quixotic")).toEqual(["Quixotic"]);
  await database.sql("update books set title = 'Volapuk' where isbn = $1", [isbn]);
  expect(await find("volapuk zamenhof")).toEqual(["Volapuk"]);
  expect(await find("quixotic")).toEqual([]);
  await database.sql("begin; update books set title = 'Interlingua' where title = 'Volapuk'; rollback");
  expect(await count("interlingua")).toBe(0);
  const place = () =>
    database.sql(
      "select book_search.ctid::text from book_search join books on id = book_id where isbn = $1",
      [isbn],
    );
  const before = await place();
  await database.sql("update books set stock = 3 where isbn = $1", [isbn]);
  expect(await place()).toEqual(before);
  await database.sql("delete from books where isbn = $1", [isbn]);
  expect(await database.sql("select from book_search where title = 'volapuk'")).toEqual([]);
});

test("two transactions add the same new word without waiting for each other", async () => {
  const insert = (isbn: string) =>
    `insert into books (title, author, isbn, price) values ('Floccinaucinihilipilification', 'A', '${isbn}', 1)`;
  const commit = await database.hold(insert("9791111111111"));
  await database.sql(`set lock_timeout = '1s'; ${insert("9792222222222")}; reset lock_timeout`);
  await commit();
  expect(await find("floccinaucinihilipilification")).toHaveLength(2);
  await database.sql("delete from books where title like 'Flocci%'");
});

test("migrating enters the books that have no entry, and can be repeated", async () => {
  const read = () => database.sql("select book_id, title, words::text from book_search order by book_id");
  const words = () => database.sql("select distinct word from search_words order by word");
  const complete = await read();
  await database.sql("delete from book_search where title > 'common 1500'; delete from search_words");
  expect((await read()).length).toBeLessThan(complete.length - 1000);
  await migrate(database.url);
  expect(await read()).toEqual(complete);
  expect(await words()).toEqual([{ word: "author" }, { word: "common" }]);
  await migrate(database.url);
  expect(await read()).toEqual(complete);
});

test("the app's role writes books, and cannot write what the search reads", async () => {
  const { role, url } = await createRole(database);
  await withClient(database.url, (client) => grantPrivileges(client, role));
  await withClient(url, async (client) => {
    await client.query(
      "insert into books (title, author, isbn, price) values ('Granted', 'Role', '9793333333333', 1)",
    );
    const { rows } = await client.query(
      "select hit.* from octavo_plan_search('granted', null) as plan, octavo_search_books(plan, 1000) as hit",
    );
    expect(rows).toHaveLength(1);
    await client.query("delete from books where isbn = '9793333333333'");
    const { rows: missing } = await client.query(
      "select from octavo_plan_search('granted', null) as plan, octavo_search_books(plan, 1000)",
    );
    expect(missing).toEqual([]);
  });
  await expect(withClient(url, (client) => client.query("delete from book_search"))).rejects.toThrow(
    "permission denied",
  );
});
