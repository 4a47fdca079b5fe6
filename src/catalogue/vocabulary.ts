/** The words that catalogues use for languages and formats. */
import type { FORMATS } from "../books/book.ts";

type Format = (typeof FORMATS)[number];

/** ISO 639-2 codes, bibliographic ones included, whose short forms BCP 47 demands; and names of frequent languages. */
const LANGUAGES = new Map(
  `en eng english englisch anglais ingles
de ger deu german deutsch allemand aleman
fr fre fra french franzosisch francais frances
es spa spanish spanisch espagnol espanol castellano
it ita italian italienisch italien italiano
nl dut nld dutch niederlandisch neerlandais neerlandes nederlands
pt por portuguese portugiesisch portugais portugues
ru rus russian russisch russe ruso
pl pol polish polnisch polonais polaco
sv swe swedish schwedisch suedois sueco
da dan danish danisch danois danes
no nor norwegian norwegisch norvegien noruego
nb nob
nn nno
fi fin finnish finnisch finnois fines
cs cze ces czech tschechisch tcheque checo
sk slo slk
hu hun hungarian
ro rum ron
bg bul
el gre ell greek griechisch grec griego
tr tur turkish turkisch turc turco
uk ukr
hr hrv
sr srp
sl slv
lt lit
lv lav
et est
is ice isl
ga gle
cy wel cym
gd gla
eu baq eus
ca cat catalan katalanisch
gl glg
la lat latin latein
he heb hebrew hebraisch hebreu hebreo
ar ara arabic arabisch arabe
fa per fas
hi hin hindi
bn ben
ur urd
ta tam
zh chi zho chinese chinesisch chinois chino
ja jpn japanese japanisch japonais japones
ko kor korean koreanisch coreen coreano
vi vie
th tha
id ind
ms may msa
sq alb sqi
hy arm hye
ka geo kat
mk mac mkd
af afr
yi yid`
    .split("\n")
    .map((line) => line.split(" "))
    .flatMap(([tag = "", ...names]) => names.map((name) => [name, tag] as const)),
);

/** A language by its name or by a code of three letters as the tag that BCP 47 has for it; other tags as they are. */
export function languageOf(written: string): string {
  const [first = "", ...subtags] = written.split(/[-_]/);
  const tag = LANGUAGES.get(folded(first));
  return [tag ?? first, ...subtags].join("-");
}

const FORMAT_WORDS: [Format, RegExp][] = [
  ["audiobook", /audio|hor(?:buch|spiel)|livreaudio|\bcd\b/],
  ["ebook", /e ?book|kindle|epub|mobi\b|\bpdf\b|digital|electronic|elektronisch|numerique|electronico/],
  ["board_book", /board ?book|pappband|pappbilderbuch|toutcarton|carton(?:ne)?$/],
  ["hardback", /hard ?(?:back|cover|bound)|\bh[bc]\b|cloth|leinen|gebunden|relie|dura|\bhbk\b/],
  [
    "paperback",
    /paper ?back|soft ?(?:back|cover)|\bp[b]\b|\bpbk\b|taschenbuch|broschiert|kartoniert|broche|poche|blanda|rustica|bolsillo|trade ?paper|mass ?market/,
  ],
  ["other", /^other$/],
];

/** @returns undefined for what is none of the known words: it is then `other`, and told */
export function formatOf(written: string): Format | undefined {
  const words = folded(written.replaceAll("_", " "));
  return FORMAT_WORDS.find(([, pattern]) => pattern.test(words))?.[0];
}

/** Without case, accents and marks: `E-Book` is `ebook`, `Relié` `relie`. */
function folded(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/[\p{M}\p{Pd}.]/gu, "")
    .toLowerCase()
    .trim();
}
