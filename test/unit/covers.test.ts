/** Drawn covers: their colours, and how titles and authors are set on them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LEADING, setAuthor, setTitle, widthOf } from "../../src/pages/cover-text.ts";
import { PALETTES } from "../../src/pages/palettes.ts";
import { contrast } from "../support/contrast.ts";

const AREA = { width: 150, height: 160 };

test("there are two dozen palettes, in which text can be read", () => {
  expect(PALETTES.length).toBe(24);
  const low = PALETTES.filter(({ ground, paper }) => contrast(ground, paper) < 4.5);
  expect(low).toEqual([]);
});

test.each([
  ["We", ["We"]],
  ["The Left Hand of Darkness", ["The Left", "Hand of", "Darkness"]],
  ["Donaudampfschifffahrtsgesellschaftskapitän", expect.arrayContaining([expect.stringMatching(/-$/)])],
])("the title %s is set as %j", (title, lines) => {
  expect(setTitle(title, AREA)).toMatchObject({ lines, isVertical: false });
});

test.each(["三体", "森", "ノルウェイの森", "源氏物語 上"])(
  "the title %s is set from top to bottom",
  (title) => {
    expect(setTitle(title, AREA)).toMatchObject({ isVertical: true });
  },
);

test.each(["해리 포터", "Solaris 三", "1984", "مئة عام من العزلة"])(
  "the title %s is set in lines",
  (title) => {
    expect(setTitle(title, AREA)).toMatchObject({ isVertical: false });
  },
);

test.each([
  ["Ursula K. Le Guin", ["Ursula K. Le Guin"]],
  ["Arkady Strugatsky and Boris Strugatsky", ["Arkady Strugatsky and", "Boris Strugatsky"]],
  ["Erich Gamma, Richard Helm, Ralph Johnson, John Vlissides and many more", ["Erich Gamma and others"]],
])("the author %s is set as %j", (author, lines) => {
  expect(setAuthor(author, 168).lines).toEqual(lines);
});

describe("any text", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 255 });

  test("stays within its area", () => {
    fc.assert(
      fc.property(text, (title) => {
        const { size, lines, isVertical } = setTitle(title, AREA);
        expect(lines.length).toBeGreaterThan(0);
        if (isVertical) return;
        expect(lines.length * size * LEADING).toBeLessThanOrEqual(AREA.height);
        for (const line of lines) expect(widthOf(line) * size).toBeLessThanOrEqual(AREA.width + 2 * size);
      }),
    );
  });
});
