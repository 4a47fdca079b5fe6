/** Texts of members, and descriptions in markup. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { escaped, textOf, tidied } from "../../src/catalogue/markup.ts";
import { storable, text } from "../../src/http/fields.ts";
import { faultsOf, NO_MESSAGE } from "../../src/http/validate.ts";
import { anyText, holds, madeOf } from "../support/fuzz.ts";

const schema = text({ min: 1, max: 20 });
const anything = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  madeOf(["a", "é", "e\u0301", " ", "\0", "\ud800", "😀", "\u0301", "\u1100\u1161", "ﬁ"], 40),
);

test("a text that is taken is normalized, trimmed and storable, and is taken again as it is", () => {
  const property = fc.property(anything, (given) => {
    const result = schema.safeParse(given, NO_MESSAGE);
    if (!result.success) {
      expect([...faultsOf("body", given, result)].length).toBeGreaterThan(0);
      return;
    }
    const { data } = result;
    expect(data).toBe(given.normalize("NFC").trim());
    expect(data.isWellFormed() && !data.includes("\0")).toBe(true);
    expect([...data].length).toSatisfy((length: number) => length >= 1 && length <= 20);
    expect(schema.parse(data)).toBe(data);
  });
  holds(property);
});

test("a text is refused for a reason that it has", () => {
  const property = fc.property(anything, (given) => {
    const value = given.normalize("NFC").trim();
    const isGood =
      value.isWellFormed() && !value.includes("\0") && [...value].length >= 1 && [...value].length <= 20;
    // The only other reason is a run of marks, which is not normalized.
    if (!/\p{M}{31}/u.test(given)) expect(schema.safeParse(given, NO_MESSAGE).success).toBe(isGood);
  });
  holds(property);
});

test("what is made storable can be stored, and stays as it is if it could be", () => {
  const property = fc.property(anything, (given) => {
    const kept = storable(given);
    expect(kept.isWellFormed() && !kept.includes("\0")).toBe(true);
    if (given.isWellFormed() && !given.includes("\0")) expect(kept).toBe(given);
  });
  holds(property);
});

test("escaped text comes back from markup, but for white space", () => {
  const property = fc.property(anyText(), (given) => {
    expect(textOf(escaped(given))).toBe(tidied(given.replace(/\s+/g, " ")));
  });
  holds(property);
});

test("no markup is an error, and no tag remains of what has one", () => {
  const parts = [
    "<p>",
    "</p>",
    "<",
    ">",
    "<br/>",
    "<li>",
    "a",
    " ",
    "\n",
    "&amp;",
    "&#x41;",
    "&#0;",
    "&#xd800;",
    "&nosuch;",
    "<!--",
    "-->",
    "&lt;",
    '<b class="x">',
  ];
  const property = fc.property(fc.oneof(madeOf(parts, 30), anyText()), (given) => {
    const found = textOf(given);
    expect(tidied(found)).toBe(found);
    expect(textOf(`<p>${given}`)).not.toMatch(/^<p>/);
  });
  holds(property);
});
