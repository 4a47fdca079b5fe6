/** The tables and the chart of `docs/scaling.md`, compared with what `npm run scale` makes of the measurements. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { MIX } from "../../bench/scale/assumptions.ts";
import { CHART, PAGE, render } from "../../bench/scale/main.ts";
import { textOf } from "../support/markdown.ts";

const { page, chart } = render();

test("docs/scaling.md has the tables that npm run scale prints", () => {
  expect(textOf(PAGE)).toBe(page);
});

test("the chart of docs/scaling.md is the one that npm run scale draws", () => {
  expect(readFileSync(CHART, "utf8")).toBe(chart);
});

test("docs/scaling.md names the mix that the model assumes", () => {
  const shares = Object.values(MIX).map((share) => `${Number((share * 100).toFixed(3))} %`);
  const [, mix = ""] =
    textOf(PAGE)
      .replaceAll("\n", " ")
      .match(/The mix: (.*?)\. With/) ?? [];
  expect(mix.match(/[\d.]+ %/g)).toEqual(shares);
});
