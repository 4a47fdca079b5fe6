/** docs/catalogues.md lists the names of columns and the repairs that the parsers know. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { SYNONYMS } from "../../src/catalogue/csv-headers.ts";
import { REPAIRS } from "../../src/catalogue/rows.ts";

const page = readFileSync("docs/catalogues.md", "utf8");

test.each(Object.entries(SYNONYMS))("the names of the column %s are documented", (member, names) => {
  expect(page).toContain(`| \`${member}\` | ${names.split(/\s+/).join(", ")} |`);
});

test("every repair is documented, and no other", () => {
  const rows = Array.from(page.matchAll(/^\| `(\w+_(?:\w+))` \|/gm), ([, name = ""]) => name);
  expect(rows.filter((name) => !Object.hasOwn(SYNONYMS, name)).sort()).toEqual([...REPAIRS].sort());
});

test("no name stands for two members", () => {
  const names = Object.values(SYNONYMS).flatMap((list) => list.split(/\s+/));
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});
