/** HTML and XHTML to the text that a description holds. */

const BLOCK = /<\/?(?:p|div|ul|ol|dl|dd|dt|h[1-6]|table|tr|blockquote|section|article|hr)(?:\s[^<>]*)?\/?>/gi;
const LINE_BREAK = /<br\s*\/?>/gi;
const ITEM = /<li(?:\s[^<>]*)?>/gi;
/** Never from `<` to another `<`: a search for an end that does not come would take quadratic time. */
const TAG = /<\/?[a-z][^<>]*>|<!--[^<>]*-->/gi;
const REFERENCE = /&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,8}));/gi;

export const looksLikeMarkup = (text: string) =>
  /<\/?(?:p|br|b|i|em|strong|ul|ol|li|div|span|h\d)\b[^<>]*>/i.test(text);

export const textOf = (markup: string) =>
  // In HTML, line breaks are spaces.
  tidied(
    markup
      .replace(/\s+/g, " ")
      .replace(BLOCK, "\n\n")
      .replace(LINE_BREAK, "\n")
      .replace(ITEM, "\n• ")
      .replace(TAG, "")
      .replace(REFERENCE, decodeReference),
  );

/** Spaces at the ends of lines, and more than one blank line, mean nothing. */
export const tidied = (text: string) =>
  text
    .split("\n")
    .map((line) => line.replace(/[^\S\n]+/g, " ").trim())
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();

export const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function decodeReference(reference: string, decimal?: string, hexadecimal?: string, name?: string): string {
  if (name) return ENTITIES.get(name) ?? reference;
  const code = decimal ? Number(decimal) : Number.parseInt(hexadecimal ?? "", 16);
  const isCharacter = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : reference;
}

/** The names of HTML 4 for Latin-1, from U+00A0 on, and for punctuation. */
const LATIN_1 =
  `nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute
micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil
Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute
Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute
icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml`.split(
    /\s/,
  );

const ENTITIES = new Map<string, string>([
  ...LATIN_1.map((name, at) => [name, String.fromCharCode(0xa0 + at)] as const),
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
  ["OElig", "Œ"],
  ["oelig", "œ"],
  ["Scaron", "Š"],
  ["scaron", "š"],
  ["ndash", "–"],
  ["mdash", "—"],
  ["lsquo", "‘"],
  ["rsquo", "’"],
  ["sbquo", "‚"],
  ["ldquo", "“"],
  ["rdquo", "”"],
  ["bdquo", "„"],
  ["lsaquo", "‹"],
  ["rsaquo", "›"],
  ["bull", "•"],
  ["hellip", "…"],
  ["euro", "€"],
  ["trade", "™"],
]);
