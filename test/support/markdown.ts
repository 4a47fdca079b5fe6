import { readdirSync, readFileSync } from "node:fs";

/** All pages of the documentation, by path. */
export const PAGES: readonly string[] = [
  ...["README.md", "CONTRIBUTING.md", "SECURITY.md"],
  ...readdirSync("docs", { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => `docs/${path}`)
    .sort(),
];

/** The pages whose blocks change a copy of the tree. */
export const WALKTHROUGHS: readonly string[] = PAGES.filter((page) => page.startsWith("docs/adding-"));

export const textOf = (page: string): string => readFileSync(page, "utf8");

/** A fenced block of code. */
export interface Block {
  page: string;
  /** Page and line, for test names. */
  place: string;
  language: string;
  /** Whether the info string says `no-run`. */
  isSkipped: boolean;
  /** The path of the file that the block shows, if the info string names one. */
  file: string | undefined;
  text: string;
  /** The block before it on the page. */
  previous: Block | undefined;
  next: Block | undefined;
}

/** The fenced blocks of a page, in order. */
export function blocksOf(page: string): Block[] {
  const source = textOf(page);
  const blocks = [...source.matchAll(/^```(\w*)(?: (\S+))?\n(.*?)^```$/gms)].map(
    ({ index, 1: language = "", 2: info, 3: text = "" }): Block => ({
      page,
      place: `${page}:${source.slice(0, index).split("\n").length}`,
      language,
      isSkipped: info === "no-run",
      file: info === "no-run" ? undefined : info,
      text,
      previous: undefined,
      next: undefined,
    }),
  );
  for (const [at, block] of blocks.entries()) {
    block.previous = blocks[at - 1];
    block.next = blocks[at + 1];
  }
  return blocks;
}

/** The text of a page without its fenced blocks. */
export const proseOf = (page: string): string => textOf(page).replace(/^```.*?^```$/gms, "");

/** The rows of a table, as cells; its header begins with the given cells. */
export function tableOf(page: string, ...header: string[]): string[][] {
  const lines = textOf(page).split("\n");
  const start = lines.findIndex((line) => line.startsWith(`| ${header.join(" | ")} |`));
  if (start < 0) throw new Error(`${page} has no table with the header ${header.join(", ")}`);
  const rows = lines.slice(start + 2);
  const end = rows.findIndex((line) => !line.startsWith("|"));
  return rows.slice(0, end).map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}
