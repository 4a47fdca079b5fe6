/** What the search folds, for any text: the same text in another form is the same to it. */
import * as fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { anyText, holdsLater, madeOf } from "../support/fuzz.ts";

/** Texts of one query: a round trip for each would take most of the time. */
const TEXTS = 50;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});

const PARTS = [
  "É",
  "ß",
  "Æ",
  "ø",
  "Ł",
  "ﬁ",
  "Ｃ",
  "'",
  "’",
  ".",
  "..",
  "-",
  "+",
  "#",
  "c",
  " ",
  "三",
  "ไ",
  "한",
  "Ё",
  "ς",
  "Σ",
  "İ",
  "ı",
  "\u0301",
  "\u064e",
  "\u00ad",
  "\u200d",
  "ｶﾞ",
  "½",
  "²",
];
/** U+0149, which Unicode deprecates, becomes an apostrophe and a letter only after apostrophes were removed. */
const DEPRECATED = "\u0149";
const text = fc.oneof(anyText(20), madeOf(PARTS, 12)).map((text) => text.replaceAll(DEPRECATED, "n"));

/** Folds texts, each in the forms that a client may send. */
async function foldAll(texts: string[]): Promise<string[]> {
  const rows = await database.sql<{ folded: string }>(
    "select octavo_fold(text) as folded from unnest($1::text[]) with ordinality as given (text, at) order by at",
    [texts],
  );
  return rows.map(({ folded }) => folded);
}

test("folding is the same for composed and decomposed text, and for what it has folded", async () => {
  const property = fc.asyncProperty(fc.array(text, { minLength: TEXTS, maxLength: TEXTS }), async (texts) => {
    const composed = texts.map((text) => text.normalize("NFC"));
    const folded = await foldAll(composed);
    expect(await foldAll(texts.map((text) => text.normalize("NFD")))).toEqual(folded);
    expect(await foldAll(folded)).toEqual(folded);
    for (const [at, words] of folded.entries()) {
      // Words of letters and digits, one space between them, and none in capitals.
      expect(words, texts[at]).not.toMatch(/^ | $| {2}|[A-Z'’.]/);
    }
  });
  await holdsLater(property, { inputs: TEXTS });
});
