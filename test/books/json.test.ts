/** The JSON of a book that Postgres stores. */
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { isbnOf } from "../support/books.ts";
import { createTestDatabase } from "../support/database.ts";

test("the stored JSON is correct after any change, whatever the settings of the session", async () => {
  const { url } = await createTestDatabase();
  const options = "-c timezone=Asia/Kolkata -c datestyle=SQL,DMY -c extra_float_digits=-5";
  const client = new pg.Client({ connectionString: url, options });
  await client.connect();
  onTestFinished(() => client.end());

  const id = "0195dc3a-52e6-7cc1-9d2f-7f4b8a6e1c30";
  await client.query(
    `insert into books (id, title, author, isbn, price, created_at, updated_at)
     values ($1, $2, 'Jane Doe', $3, 12.50, '2026-03-28T12:00:00.5Z', '2026-03-28T12:00:00.123456Z')`,
    [id, '"Two"\n\\lines', isbnOf(1)],
  );
  const kept = async () => (await client.query("select json from books")).rows[0].json;
  const parts = (json: string) => json.split(/(?<=,)(?=")/);
  const inserted = await kept();
  expect(inserted).toBe(JSON.stringify(JSON.parse(inserted)));
  expect(parts(inserted)).toEqual(
    expect.arrayContaining([
      `{"id":"${id}",`,
      '"title":"\\"Two\\"\\n\\\\lines",',
      '"price":12.5,',
      '"description":null,',
      '"created_at":"2026-03-28T12:00:00.500000Z",',
      '"updated_at":"2026-03-28T12:00:00.123456Z"}',
    ]),
  );

  const { rows } = await client.query(
    `update books set stock = 3, price = 12, description = 'Größe' returning floor(extract(epoch from updated_at) * 1000)::text as at`,
  );
  const changed = await kept();
  expect(parts(changed)).toEqual(
    expect.arrayContaining(['"price":12,', '"stock":3,', '"description":"Größe",']),
  );
  expect(Date.parse(JSON.parse(changed).updated_at)).toBe(Number(rows[0].at));
});
