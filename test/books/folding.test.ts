/** How search folds text, in any alphabet and any locale of the database. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { beforeAll, expect, inject, onTestFinished, test } from "vitest";
import { migrate } from "../../ops/migrations.ts";
import { isbnOf } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase } from "../support/database.ts";
import { startWorker } from "../support/worker.ts";

const TITLES = [
  "黒い\u3000猫の本",
  "Em\u2003dash — a life",
  "GROẞE Reise",
  "İstanbul",
  "ϴεός",
  "Smile 😀",
  "“Quoted”",
  "Nineteen 1984",
  "cafe\u0301",
  "Under\u001fground",
  "Plain",
];

let api: Client;

beforeAll(async () => {
  const database = await createTestDatabase();
  for (const [at, title] of TITLES.entries()) {
    await database.sql(
      "insert into books (title, author, isbn, price) values (normalize($1), 'Jane Doe', $2, 1)",
      [title, isbnOf(at + 1)],
    );
  }
  api = await createClient((await startWorker(database)).url);
});

test.each([
  ["猫", ["黒い\u3000猫の本"]],
  ["da", ["Em\u2003dash — a life"]],
  ["—", ["Em\u2003dash — a life"]],
  ["große", ["GROẞE Reise"]],
  ["ist", ["İstanbul"]],
  ["θεός", ["ϴεός"]],
  ["😀", ["Smile 😀"]],
  ["😁", []],
  ["“q", ["“Quoted”"]],
  ["”", ["“Quoted”"]],
  ["CAFÉ", ["café"]],
  // A hyphen is a mark, which none of these titles contains.
  ["-", []],
  ["--", []],
  // Digits with hyphens match ISBNs, not titles that contain the same digits.
  ["19-84", []],
  ["1 2 3", []],
  // The separator of fields cannot be searched for.
  ["\u001f", []],
  ["plain\u001fjane", []],
  ["plain jane", []],
])("a search for %j finds %j", async (term, expected) => {
  const { status, json } = await api("GET", `/api/v1/books?${new URLSearchParams({ search: term })}`);
  expect(status).toBe(200);
  expect(json.data.map(({ title }: { title: string }) => title)).toEqual(expected);
});

test("a database with the C locale folds text in the same way", async () => {
  const name = `test_c_${randomBytes(6).toString("hex")}`;
  const url = Object.assign(new URL(inject("postgres")), { pathname: `/${name}` }).href;
  const run = async (at: string, text: string, values?: unknown[]) => {
    const client = new pg.Client({ connectionString: at });
    await client.connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end();
    }
  };
  await run(inject("postgres"), `create database ${name} template template0 locale_provider libc locale 'C'`);
  onTestFinished(() => void run(inject("postgres"), `drop database ${name} with (force)`));
  await migrate(url);
  const fold = async (at: string) => {
    const rows = await run(at, "select octavo_search_text(t) as folded from unnest($1::text[]) t", [TITLES]);
    return rows.map(({ folded }) => folded);
  };
  const here = await fold(url);
  expect(here[3]).toBe(" ISTANBUL");
  expect(here).toEqual(await fold((await createTestDatabase()).url));
});
