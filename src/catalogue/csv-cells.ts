/** Cells of a CSV file, by RFC 4180. */

/** What spreadsheets take for the beginning of a formula (OWASP, CSV Injection). */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;
const SPECIAL = /[",\r\n]/;

/** A text that no spreadsheet runs as a formula. */
export const harmlessCell = (text: string): string => (FORMULA.test(text) ? `'${text}` : text);

export const quotedCell = (text: string): string =>
  SPECIAL.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
