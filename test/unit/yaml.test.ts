/** YAML that a library reads back as the JSON that it was written from. */
import fc from "fast-check";
import { load } from "js-yaml";
import { expect, test } from "vitest";
import { yamlOf } from "../../src/service/yaml.ts";

const TEXTS = [
  ..."yes No ON off y n true null ~ 1 01 0x1 1e3 .5 -1 2026-03-28 1:20 = << - ? : # | > * & ! % @ `".split(
    " ",
  ),
  ...[
    "",
    " ",
    " a",
    "a ",
    "a: b",
    "a #b",
    "a:b",
    "- a",
    "a\n",
    "\na",
    "a\n\nb",
    "a\n  b",
    "a\n b\n",
    "\t",
    "a\tb",
  ],
  ...["{a}", "/a/{b}", "[a]", '"', "'", "\\", "é", "\u0000", "\u0085", "\u2028", "\ufeff", "😀", "\u00a0a"],
  `${"word ".repeat(40)}end`,
  `${"word ".repeat(40)}`,
  `two  spaces ${"word ".repeat(40)}end`,
  `- ${"word ".repeat(40)}end`,
  `# ${"word: ".repeat(40)}end`,
  `--- ${"... ".repeat(40)}---`,
];

test.each(TEXTS)("%j stays itself, as a key too", (text) => {
  for (const value of [{ a: text }, { a: [text, [text]] }, { [text]: text }, { [text]: { [text]: [text] } }])
    expect(load(yamlOf(value))).toEqual(value);
});

test("any JSON stays itself", () => {
  const text = fc.oneof(fc.string({ unit: "binary", maxLength: 80 }), fc.constantFrom(...TEXTS));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.oneof(text, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null)),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(text, tie("value"), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(text, value, { maxKeys: 4 }), (given) => {
      const json = JSON.parse(JSON.stringify(given));
      expect(load(yamlOf(json))).toEqual(json);
    }),
    { numRuns: 200 },
  );
});

test("long texts are folded, and lines stay lines", () => {
  const words = "word ".repeat(30).trim();
  expect(yamlOf({ a: { b: words, c: "one\n\ntwo", d: [{ e: [], f: "x" }] } })).toBe(`\
a:
  b: >-
    ${"word ".repeat(20).trim()}
    ${"word ".repeat(10).trim()}
  c: |-
    one

    two
  d:
    - e: []
      f: x
`);
});
