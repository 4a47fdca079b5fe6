import { asciiDigits, parseIsbn, SEPARATORS } from "./isbn.ts";

/** What was wrong with the ISBN of a file, or merely unusual. */
export const ISBN_REPAIRS = [
  "isbn_10",
  "isbn_leading_zeros",
  "isbn_sbn",
  "isbn_separators",
  "isbn_label",
  "isbn_qualifier",
  "isbn_spreadsheet",
] as const;

export type IsbnRepair = (typeof ISBN_REPAIRS)[number];

export interface RepairedIsbn {
  isbn: string;
  repairs: readonly IsbnRepair[];
}

/** What a spreadsheet makes of a cell: `="978…"`, `'978…`, or a number with decimals. */
const WRAPPED = /^=?"(.*)"$|^['=](.*)$|^(\d+)\.0+$/s;

const LABEL = /^\s*(?:ISBN|SBN|EAN)(?:[\s\p{Pd}]*1[03](?=[\s:]))?[\s:]*/iu;

/** Digits with anything between them that is no digit and no letter but X, then perhaps a qualifier without digits. */
const WRITTEN = /^([\dX][^\p{L}\p{N}(){}[\],;:]*(?:[\dX][^\p{L}\p{N}(){}[\],;:]*)*)([([].*|\P{N}*)$/isu;

const SCIENTIFIC = /^\s*\d(?:[.,]\d+)?E\+?\d+\s*$/i;

/** ISBNs of spreadsheets have lost at most three zeros: more would leave too few digits to trust a checksum. */
const MIN_DIGITS = 7;

/**
 * Reads an ISBN that people, spreadsheets or library systems have damaged. A value counts only if its checksum does:
 * digits are never guessed, except zeros that a spreadsheet has taken from the beginning.
 *
 * @returns the 13 digits and what was repaired, or undefined
 */
export function repairIsbn(text: string): RepairedIsbn | undefined {
  const direct = parseIsbn(text);
  if (direct === text) return { isbn: direct, repairs: [] };
  const repairs = new Set<IsbnRepair>();
  let rest = asciiDigits(text.replace(INVISIBLE, "")).trim();
  const peel = (pattern: RegExp, repair: IsbnRepair) => {
    const found = rest.match(pattern);
    if (!found) return;
    rest = (found[1] ?? found[2] ?? found[3] ?? rest.slice(found[0].length)).trim();
    repairs.add(repair);
  };
  peel(WRAPPED, "isbn_spreadsheet");
  const hasSbnLabel = /^SBN/i.test(rest);
  peel(LABEL, "isbn_label");
  const [, written = "", qualifier] = rest.match(WRITTEN) ?? [];
  if (qualifier) repairs.add("isbn_qualifier");
  const number = written.trim();
  const digits = number.replace(SEPARATORS, "").toUpperCase();
  if (digits !== number.toUpperCase()) repairs.add("isbn_separators");
  const isbn = direct ?? isbnOf(digits, repairs, hasSbnLabel);
  if (isbn === undefined) return undefined;
  if (digits.length === 10) repairs.add("isbn_10");
  return { isbn, repairs: ISBN_REPAIRS.filter((repair) => repairs.has(repair)) };
}

const INVISIBLE = /[\u00ad\u200b-\u200f\ufeff]/g;

/** Nine digits are an SBN (before 1970) or an ISBN-10 without its first zero. Both mean the same ISBN. */
function isbnOf(digits: string, repairs: Set<IsbnRepair>, hasSbnLabel: boolean): string | undefined {
  if (digits.length >= 10) return parseIsbn(digits);
  if (digits.length < MIN_DIGITS) return undefined;
  const isSbn =
    digits.length === 9 && (hasSbnLabel || repairs.has("isbn_separators") || digits.endsWith("X"));
  repairs.add(isSbn ? "isbn_sbn" : "isbn_leading_zeros");
  return parseIsbn(digits.padStart(10, "0"));
}

/** Continues a sentence that begins with the field's name. */
export function refusalOf(text: string): string {
  if (SCIENTIFIC.test(text))
    return "is in scientific notation, which has lost digits: format the column as text and export it again";
  return "must be a valid ISBN-10 or ISBN-13";
}
