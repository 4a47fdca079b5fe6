/** What may stand anywhere in an ISBN: white space, dashes of any kind, and marks that nobody sees. */
export const SEPARATORS = /[\s\p{Pd}\u2212\u00ad\u200b-\u200f\ufeff]/gu;

/** Without separators: a cell as Excel exports it (`="978…"`), a label, the digits, and a qualifier such as `(pbk.)`. */
const WRITTEN = /^(?:=("?))?(?:ISBN(?:1[03])?:?)?(97[89]\d{10}|\d{9}[\dX])(?:\([^()]+\)|\[[^[\]]+\])?\1$/i;

/**
 * Reads an ISBN-10 or ISBN-13 the way people and files write it. Only the checksum and the prefix are checked: ranges
 * not yet allotted to anybody are fine (ISO 2108). Ten zeros stand for no ISBN, and 979-0 is for printed music.
 *
 * @returns its 13 digits, or undefined if it is none
 */
export function parseIsbn(text: string): string | undefined {
  const digits = PLAIN.test(text) ? text : digitsOf(text);
  // An ISBN-10 may begin so: 979 is also Indonesia's group.
  const isMusic = digits.length === 13 && digits.startsWith("9790");
  if (digits === "0000000000" || isMusic) return undefined;
  if (digits.length === 13) return checkDigit13(digits) === digits[12] ? digits : undefined;
  if (digits.length !== 10 || checkDigit10(digits) !== digits[9]?.toUpperCase()) return undefined;
  const body = `978${digits.slice(0, 9)}`;
  return body + checkDigit13(body);
}

/** As nearly every file and request has it. */
const PLAIN = /^97[89]\d{10}$/;

function digitsOf(text: string): string {
  const [, , digits = ""] = asciiDigits(text.replace(SEPARATORS, "")).match(WRITTEN) ?? [];
  return digits;
}

/** Full-width digits, and the X that may stand for one, as ASCII. */
export const asciiDigits = (text: string) =>
  text.replace(/[０-９Ｘｘ]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0));

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
