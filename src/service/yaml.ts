/**
 * Writes JSON as YAML for people to read. A library would be a twelfth of the Worker, and what JSON cannot hold (dates,
 * anchors, tags) is most of YAML.
 */

/** One class for all texts: an isolate would spend a tenth of its start on compiling a class like this seven times. */
const PRINTABLE = /^[\p{L}\p{N}\p{P}\p{S} \n]*$/u;

/** Printable texts that stay themselves without quotes begin so: no number, date or indicator begins with a letter. */
const PLAIN = /^[A-Za-z$/]/;
/** Those that do not, in YAML 1.1 too. */
const SPECIAL = /[:#\n]| $|^(?:true|false|yes|no|on|off|y|n|null)$/i;

/** The width to which long texts are folded. */
const WIDTH = 100;

export const yamlOf = (value: object): string => `${block(value, "")}\n`;

/** A value whose first line follows an indent that is already there. */
function block(value: unknown, indent: string): string {
  if (isEmpty(value)) return scalar(value, indent);
  const inner = `${indent}  `;
  const lines = Array.isArray(value)
    ? value.map((item) => `- ${block(item, inner)}`)
    : Object.entries(value as object).map(
        ([key, member]) =>
          `${word(key)}:${isEmpty(member) ? ` ${scalar(member, inner)}` : `\n${inner}${block(member, inner)}`}`,
      );
  return lines.join(`\n${indent}`);
}

/** Whether a value has no members of its own. */
const isEmpty = (value: unknown): boolean =>
  typeof value !== "object" || value === null || Object.keys(value).length === 0;

function scalar(value: unknown, indent: string): string {
  if (typeof value !== "string") return JSON.stringify(value);
  if (PRINTABLE.test(value) && value.trim() === value) {
    if (value.includes("\n")) return `|-${indented(value.split("\n"), indent)}`;
    const mayBreak = value.includes(" ") && !value.includes("  ");
    if (value.length > WIDTH && mayBreak) return `>-${indented(folded(value), indent)}`;
  }
  return word(value);
}

const word = (text: string): string =>
  PLAIN.test(text) && PRINTABLE.test(text) && !SPECIAL.test(text) ? text : JSON.stringify(text);

const indented = (lines: string[], indent: string): string =>
  lines.map((line) => (line === "" ? "\n" : `\n${indent}${line}`)).join("");

function folded(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < WIDTH) lines.push(`${lines.pop()} ${word}`);
    else lines.push(word);
  }
  return lines;
}
