import { expect, test } from "vitest";
import { ALL_KINDS, searchTerms } from "../../bench/terms.ts";
import { generator } from "../../dev/seed.ts";

const book = { title: "A Wizard of Earthsea (Earthsea, #1)", author: "Ursula K. Le Guin" };
const terms = searchTerms(
  Array.from({ length: 1_000 }, () => book),
  generator(1),
);
const every = (kind: number) => new Set(terms.filter((_, at) => at % ALL_KINDS === kind));

test("terms are titles, titles and authors, and authors before titles", () => {
  expect(every(0)).toEqual(new Set(["a wizard of earthsea"]));
  expect(every(1)).toEqual(new Set(["a wizard of earthsea guin"]));
  expect(every(3)).toEqual(new Set(["guin a wizard"]));
});

test("a half title ends inside a word, three letters or more into it", () => {
  const words = ["wiz", "wiza", "wizar"].map((end) => `a ${end}`);
  const later = ["ear", "eart", "earth", "earths", "earthse"].map((end) => `a wizard of ${end}`);
  expect(every(2)).toEqual(new Set([...words, ...later]));
});

test("a slip swaps two letters, leaves one out, or doubles one", () => {
  const slips = every(4);
  expect(slips).toContain("a wziard of earthsea guin");
  expect(slips).toContain("a wizrd of earthsea guin");
  expect(slips).toContain("a wizard of earthssea guin");
  for (const slip of slips)
    expect(slip.split(" ").filter((word) => ["wizard", "earthsea"].includes(word)).length).toBe(1);
});

test("absent words differ from term to term", () => {
  const absent = every(8);
  expect(absent.size).toBeGreaterThan(90);
  for (const term of absent) expect(term).not.toMatch(/wizard|earthsea|guin/);
});

test("equal books and random numbers make equal terms", () => {
  const books = [book, { title: "It", author: "Wu" }];
  expect(searchTerms(books, generator(1))).toEqual(searchTerms(books, generator(1)));
});

test("books with short words have terms of every kind", () => {
  const short = Array.from({ length: ALL_KINDS }, () => ({ title: "It", author: "Wu" }));
  for (const term of searchTerms(short, generator(1))) expect(term).toMatch(/^[a-z]+( [a-z]+)*$/);
});
