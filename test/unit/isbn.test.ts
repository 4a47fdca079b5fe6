/** `parseIsbn` accepts ISBNs as people and files write them, and nothing that merely resembles one. */
import { expect, test } from "vitest";
import { parseIsbn } from "../../src/books/isbn.ts";

const DASHES = "-\u058a\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2e3a\ufe58\ufe63\uff0d";
const SPACES = " \t\u00a0\u2002\u2009\u202f\u3000";
const INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\ufeff";

test.each(
  [...`${DASHES}${SPACES}${INVISIBLE}`].map((mark) => [
    `U+${mark.charCodeAt(0).toString(16).padStart(4, "0")}`,
    mark,
  ]),
)("%s is ignored anywhere in an ISBN", (_, mark) => {
  const marked = [...`${mark}9780306406157`].join(mark) + mark + mark;
  expect(parseIsbn(marked)).toBe("9780306406157");
});

test.each([
  ["9780306406157"],
  ["0306406152"],
  ["978-0-306-40615-7"],
  ["９７８０３０６４０６１５７"],
  ["０-３０６-４０６１５-２"],
  ["ISBN 978-0-306-40615-7"],
  ["ISBN9780306406157"],
  ["isbn: 0-306-40615-2"],
  ["ISBN-13: 978-0-306-40615-7"],
  ["ISBN-13:9780306406157"],
  ["ISBN-13 978-0-306-40615-7"],
  ["ISBN–10: 0–306–40615–2"],
  ["ISBN-10 0-306-40615-2"],
  ["ISBN 13: 978 0 306 40615 7"],
  ['="9780306406157"'],
  ['="0306406152"'],
  ["=9780306406157"],
  ['="ISBN 978-0-306-40615-7"'],
  ["0306406152 (pbk.)"],
  ["978-0-306-40615-7 (hardback : alk. paper)"],
  ["9780306406157(v. 1)"],
  ["9780306406157 [paperback]"],
  ["ISBN-13: 978-0-306-40615-7 (pbk.)"],
  ["\u200e978-0-306-40615-7\u200f"],
  ["\ufeff 9780306406157 \r\n"],
])("%j is read as 9780306406157", (text) => {
  expect(parseIsbn(text)).toBe("9780306406157");
});

test.each([
  ["0-8044-2957-X", "9780804429573"],
  ["080442957x", "9780804429573"],
  ["０８０４４２９５７Ｘ", "9780804429573"],
  ["ISBN-10: 0-8044-2957-X (cloth)", "9780804429573"],
  ["979-10-90636-07-1", "9791090636071"],
  // Of Indonesia, whose group is 979.
  ["979-007-001-2", "9789790070011"],
  ["979-8-8650-1234-4", "9798865012344"],
  // The digits of an ISBN-10 may begin with 10 or 13.
  ["ISBN 1030640610", "9781030640619"],
  ["ISBN 1306406153", "9781306406154"],
  ["ISBN-13 1306406153", "9781306406154"],
])("%j is read as %s", (text, isbn) => {
  expect(parseIsbn(text)).toBe(isbn);
});

test.each(
  [
    ["", "-", "(pbk.)", "ISBN", "ISBN-13:", "=", '=""', "x"],
    // Numbers that are not ISBNs, with valid and invalid check digits.
    ["9780306406158", "0306406153", "978030640615", "97803064061570", "9770306406156", "978030640615X"],
    ["0000000000", "0-00-000000-0", "ISBN 0000000000", "0000000000000", "０００００００００0"],
    ["9790000000001", "979-0-2600-0043-8", "ISBN 9790260000438"],
    // Digits of other scripts, and letters between digits.
    ["٩٧٨٠٣٠٦٤٠٦١٥٧", "²780306406157", "97803O6406157", "9780306406157\0"],
    // Unknown or misplaced labels and quotes.
    ["EAN 9780306406157", "ISSN 9780306406157", "ISBN-12: 9780306406157", "ISBN:: 9780306406157"],
    ["ISBN ISBN 9780306406157", "9780306406157 ISBN", "==9780306406157", '="9780306406157', '9780306406157"'],
    ['"9780306406157"', "'9780306406157", "+9780306406157", "9780306406157.", "9780306406157;"],
    // Malformed qualifiers, and more than one qualifier or ISBN.
    [
      "9780306406157 pbk.",
      "9780306406157 (pbk.",
      "9780306406157 pbk.)",
      "9780306406157 ()",
      "(pbk.) 9780306406157",
    ],
    ["9780306406157 (a) (b)", "9780306406157 ((a))", "9780306406157 (a]", "9780306406157 9780306406157"],
    ["9780306406157, 0306406152", "9780306406157/0306406152"],
  ].flat(),
)("%j is not an ISBN", (text) => {
  expect(parseIsbn(text)).toBeUndefined();
});
