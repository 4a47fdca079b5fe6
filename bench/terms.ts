/** What people type into a search box, made from books of the catalogue. */

/** A book that somebody looks for. */
export interface Sought {
  title: string;
  author: string;
}

export type Random = () => number;

/** Of ten searches, so many of each kind. The kinds alternate, so that a load has the same mix wherever it ends. */
const KINDS: ((book: Sought, random: Random) => string)[] = [
  title,
  titleAndAuthor,
  half,
  authorFirst,
  slip,
  title,
  titleAndAuthor,
  half,
  absent,
  slip,
];

/** After so many terms each kind has occurred. */
export const ALL_KINDS = KINDS.length;

/** One term for each book. The same books and random numbers make the same terms. */
export const searchTerms = (books: Sought[], random: Random): string[] =>
  books.map((book, at) => (KINDS[at % KINDS.length] as (typeof KINDS)[number])(book, random));

/** Lower case, and without the series in brackets. */
export function title({ title }: Sought): string {
  return title.replace(/\(.*/, "").trim().toLowerCase();
}

const surname = ({ author }: Sought) => (author.split(" ").at(-1) as string).toLowerCase();

export function titleAndAuthor(book: Sought): string {
  return `${title(book)} ${surname(book)}`;
}

export function authorFirst(book: Sought): string {
  return `${surname(book)} ${title(book).split(" ").slice(0, 2).join(" ")}`;
}

/** A title that is still being typed: it ends inside a word, behind its third letter or later. */
export function half(book: Sought, random: Random): string {
  const words = title(book).split(" ");
  const cut = indexOfAny(words, 5, random);
  const word = words[cut] as string;
  const letters = Math.min(word.length, 3 + below(random, word.length - 3));
  return [...words.slice(0, cut), word.slice(0, letters)].join(" ");
}

/** A title and an author with two neighbouring letters swapped, one left out, or one doubled. */
export function slip(book: Sought, random: Random): string {
  const words = titleAndAuthor(book).split(" ");
  const at = indexOfAny(words, 5, random);
  const word = words[at] as string;
  const letter = 1 + below(random, word.length - 2);
  const [start, rest] = [word.slice(0, letter), word.slice(letter)];
  const [first = "", second = ""] = rest;
  const slips = [start + second + first + rest.slice(2), start + rest.slice(1), start + first + rest];
  words[at] = slips[below(random, slips.length)] as string;
  return words.join(" ");
}

/** The words of the title, the last ones first. */
export function otherOrder(book: Sought): string {
  const words = title(book).split(" ");
  const middle = Math.ceil(words.length / 2);
  return [...words.slice(middle), ...words.slice(0, middle)].join(" ");
}

/** A title and an author without accents and marks. */
export function plain(book: Sought): string {
  return titleAndAuthor(book)
    .normalize("NFD")
    .replace(/[\p{M}'’.]/gu, "")
    .replace(/[^\p{L}\p{N}]+/gu, " ");
}

const RARE = "bly dwe fjo gry hyx jub kwy lympt pfy quo sphi thwa vrex wyrm xylo yng zeph".split(" ");

/** One or two words that no book has. */
function absent(_book: Sought, random: Random): string {
  const word = () => [0, 1, 2].map(() => RARE[below(random, RARE.length)]).join("");
  return random() < 0.5 ? word() : `${word()} ${word()}`;
}

const below = (random: Random, most: number) => Math.floor(random() * Math.max(1, most));

/** The place of any word of so many letters, or of the longest word if all are shorter. */
function indexOfAny(words: string[], letters: number, random: Random): number {
  const places = [...words.keys()].filter((at) => (words[at] as string).length >= letters);
  if (places.length > 0) return places[below(random, places.length)] as number;
  return words.indexOf(words.toSorted((a, b) => b.length - a.length)[0] as string);
}
