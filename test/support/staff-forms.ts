import type { Shown } from "./staff.ts";

/** What a browser would send of the counter's form on a page, but for its token and what is in the scanner's field. */
export function fieldsOf({ html }: Shown): [string, string][] {
  const inputs = html.matchAll(/<input[^>]* name="(number|isbn|quantity|saved|reference)"[^>]*>/g);
  return Array.from(inputs, ([input, name = ""]) => [name, unescaped(input.match(/ value="([^"]*)"/)?.[1])]);
}

/** What people read on a page. */
export const textOf = ({ html }: Shown): string =>
  unescaped(
    html
      .replace(/^.*<main/s, "<main")
      .replace(/<\/main>.*$/s, "")
      .replace(/<[^>]+>/g, " "),
  )
    .replace(/\s+/g, " ")
    .trim();

/** What is said to be wrong with fields of a page, in their order. */
export const faultsIn = ({ html }: Shown): string[] =>
  Array.from(html.matchAll(/class="fault">([^<]*)</g), ([, fault]) => unescaped(fault));

const unescaped = (html = "") =>
  html
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");
