/**
 * Reads an ISBN-10 or ISBN-13, with or without hyphens (of any kind, as copied from a page) and spaces. Only the
 * checksum and the prefix are checked: ranges not yet allotted to anybody are fine (ISO 2108).
 *
 * @returns its 13 digits, or undefined if it is none
 */
export function parseIsbn(text: string): string | undefined {
  const digits = text.replace(/[\s\p{Pd}]/gu, "");
  if (/^97[89]\d{10}$/.test(digits)) return checkDigit13(digits) === digits[12] ? digits : undefined;
  if (!/^\d{9}[\dXx]$/.test(digits) || checkDigit10(digits) !== digits[9]?.toUpperCase()) return undefined;
  const body = `978${digits.slice(0, 9)}`;
  return body + checkDigit13(body);
}

/** The last digit of the ISBN-13 that begins with these 12. */
export function checkDigit13(digits: string): string {
  let sum = 0;
  for (let at = 0; at < 12; at++) sum += Number(digits[at]) * (at % 2 === 0 ? 1 : 3);
  return String((10 - (sum % 10)) % 10);
}

function checkDigit10(digits: string): string {
  let sum = 0;
  for (let at = 0; at < 9; at++) sum += Number(digits[at]) * (10 - at);
  const digit = (11 - (sum % 11)) % 11;
  return digit === 10 ? "X" : String(digit);
}
