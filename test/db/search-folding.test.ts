/** Which texts are one to the search, and which are not. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { beforeAll, expect, inject, onTestFinished, test } from "vitest";
import { migrate } from "../../ops/migrations.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

const fold = async (text: string) =>
  (await database.sql<{ folded: string }>("select octavo_fold($1) as folded", [text]))[0]?.folded;

test.each([
  ["GARCÍA", "garcia"],
  ["garci\u0301a", "garcia"],
  ["Straße", "STRASSE"],
  ["Ægir", "aegir"],
  ["Ørsted", "orsted"],
  ["Łódź", "lodz"],
  ["ﬁnal", "final"],
  ["Ｃａｔ", "cat"],
  ["O’Brien", "o'brien"],
  ["O´Brien", "obrien"],
  ["Oʼbrien", "O`Brien"],
  ["U.S.A.", "usa"],
  ["Ёлка", "елка"],
  ["ΟΔΥΣΣΕΥΣ", "οδυσσεύς"],
  ["كِتَابُ", "كتاب"],
  ["سَـلام", "سلام"],
  ["סֵפֶר", "ספר"],
  ["हिन्दी", "हिनदी"],
  ["three-body", "three body"],
  ["co\u00adoperate", "cooperate"],
  ["й", "и\u0306"],
  ["ﾊﾞ", "バ"],
  ["한글", "한글".normalize("NFD")],
])("%s and %s are one", async (a, b) => {
  expect(await fold(a)).toBe(await fold(b));
  expect(await fold(a)).not.toBe("");
});

test.each([
  ["c", "c++"],
  ["c#", "c++"],
  ["f", "f#"],
  ["мой", "мои"],
  ["バス", "ハス"],
  ["दिन", "दीन"],
  ["कुल", "कूल"],
  ["cat", "cats"],
  ["the rapist", "therapist"],
  ["가", "나"],
  ["a...b", "ab"],
])("%s and %s are two", async (a, b) => {
  expect(await fold(a)).not.toBe(await fold(b));
});

const TEXTS = [
  "GROẞE Reise",
  "İstanbul",
  "ϴεός",
  "Smile 😀",
  "“Quoted”",
  "cafe\u0301",
  "黒い\u3000猫の本",
  "Em\u2003dash — a life",
];

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
    const rows = await run(at, "select octavo_fold(t) as folded from unnest($1::text[]) t", [TEXTS]);
    return rows.map(({ folded }) => folded);
  };
  const here = await fold(url);
  expect(here).toContain("istanbul");
  expect(here).toEqual(await fold((await createTestDatabase()).url));
});
