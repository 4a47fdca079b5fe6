import type { Shown } from "./staff.ts";

/** What a browser would send of the counter's form on a page, but for its token and what is in the scanner's field. */
export function fieldsOf({ html }: Shown): [string, string][] {
  const inputs = html.matchAll(/<input[^>]* name="(number|isbn|quantity|saved|reference)"[^>]*>/g);
  return Array.from(inputs, ([input, name = ""]) => [name, unescaped(input.match(/ value="([^"]*)"/)?.[1])]);
}

/** The hidden fields of what a page shows, as for a form that can be sent again. */
export const hiddenFieldsOf = (page: Shown): [string, string][] =>
  Array.from(
    mainOf(page).matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g),
    ([, name, value]) => [unescaped(name), unescaped(value)],
  );

const mainOf = ({ html }: Shown) => html.replace(/^.*<main/s, "<main").replace(/<\/main>.*$/s, "");

/** What people read on a page. */
export const textOf = (page: Shown): string =>
  unescaped(mainOf(page).replace(/<[^>]+>/g, " "))
    .replace(/\s+/g, " ")
    .trim();

/** What is said to be wrong with fields of a page, in their order. */
export const faultsIn = ({ html }: Shown): string[] =>
  Array.from(html.matchAll(/class="fault">([^<]*)</g), ([, fault]) => unescaped(fault));

/** The name, the value and the fault of each field that is marked as wrong, as screen readers connect them. */
export const faultyFieldsOf = ({ html }: Shown): [name: string, value: string, fault: string][] =>
  Array.from(html.matchAll(/<input[^>]* aria-invalid="true"[^>]*>/g), ([input]) => {
    const attribute = (name: string) => unescaped(input.match(new RegExp(` ${name}="([^"]*)"`))?.[1]);
    const id = attribute("aria-describedby").split(" ").at(-1);
    const [, fault] = html.match(new RegExp(`id="${id}" class="fault">([^<]*)<`)) ?? [];
    return [attribute("name"), attribute("value"), unescaped(fault)];
  });

const unescaped = (html = "") =>
  html
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");
