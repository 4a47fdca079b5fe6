import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";

/** What axe returns, as far as tests read it. */
interface Results {
  violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[];
}

/** The rules of WCAG 2.2 at the levels A and AA, and axe's own advice. */
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

let source: Promise<string> | undefined;

/** What axe finds wrong with a page: the rule, and the elements. */
export async function faultsOf(page: Page): Promise<string[]> {
  source ??= readFile("node_modules/axe-core/axe.min.js", "utf8");
  // A page that has axe already has it compiled, too.
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(await source);
  const { violations } = await page.evaluate(
    (tags) =>
      (globalThis as unknown as { axe: { run(options: object): Promise<Results> } }).axe.run({
        runOnly: tags,
        resultTypes: ["violations"],
      }),
    TAGS,
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

/** What every page is looked at as: on a desk in light, on a phone in dark. */
export const LOOKS = [
  [1280, "light"],
  [390, "dark"],
] as const;

/** Shows a page in a width and a mode, without loading it anew. */
export async function lookAt(page: Page, width: number, colorScheme: "light" | "dark"): Promise<void> {
  await page.setViewportSize({ width, height: 844 });
  await page.emulateMedia({ colorScheme });
}
