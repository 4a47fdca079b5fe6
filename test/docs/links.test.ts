/** Links between the pages of the documentation. */
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { PAGES, proseOf } from "../support/markdown.ts";

/** The targets of links and pictures within the repository. */
const linksOf = (page: string) =>
  [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^https?:/.test(target))
    .map((target) => {
      const [path = "", anchor] = target.split("#");
      return { target, file: path === "" ? page : normalize(join(dirname(page), path)), anchor };
    });

/** Makes an anchor of a heading as GitHub does: lower case, without punctuation, hyphens for spaces. */
const anchorsOf = (page: string) =>
  [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\- ]/gu, "")
      .replaceAll(" ", "-"),
  );

test.each(PAGES)("%s has no link to a missing file or heading", (page) => {
  const broken = linksOf(page).filter(
    ({ file, anchor }) =>
      !existsSync(file) ||
      (anchor !== undefined && !(file.endsWith(".md") && anchorsOf(file).includes(anchor))),
  );
  expect(broken.map(({ target }) => target)).toEqual([]);
});

test("every page can be reached from the README", () => {
  const reached = new Set(["README.md"]);
  // Iterating a set includes elements that are added meanwhile.
  for (const page of reached)
    for (const { file } of linksOf(page)) if (PAGES.includes(file)) reached.add(file);
  expect(PAGES.filter((page) => !reached.has(page))).toEqual([]);
});
