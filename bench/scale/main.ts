/**
 * `npm run scale`: extrapolates what `npm run bench:scale` measured, to a billion requests a day and 100 million books. Prints
 * the tables, and writes them into `docs/scaling.md` and the chart beside them.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { Model } from "./model.ts";
import { plot } from "./plot.ts";
import { RESULTS } from "./results.ts";
import { tables } from "./tables.ts";

export const PAGE = "docs/scaling.md";
export const CHART = "docs/images/scaling.svg";

/** The page with the tables in their places, and the chart. */
export function render(): { page: string; chart: string; tables: Record<string, string> } {
  const model = new Model(JSON.parse(readFileSync(RESULTS, "utf8")));
  const rendered = tables(model);
  let page = readFileSync(PAGE, "utf8");
  for (const [name, table] of Object.entries(rendered)) {
    const place = new RegExp(`(<!-- ${name} -->\n)[^]*?(?=<!-- end -->)`);
    if (!place.test(page)) throw new Error(`${PAGE} has no place for the table ${name}.`);
    page = page.replace(place, (_, mark) => `${mark}${table}\n`);
  }
  return { page, chart: plot(model), tables: rendered };
}

if (import.meta.main) {
  const { page, chart, tables: rendered } = render();
  console.log(Object.values(rendered).join("\n\n"));
  writeFileSync(PAGE, page);
  writeFileSync(CHART, chart);
  console.log(`\nWritten: ${PAGE}, ${CHART}`);
}
