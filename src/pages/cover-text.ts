/** Sets the title and the author of a drawn cover: sizes and lines, by widths that hold for most serif fonts. */

/** Lines of one size. Columns run from top to bottom, and from right to left. */
export interface SetText {
  size: number;
  lines: string[];
  isVertical: boolean;
}

export interface Area {
  width: number;
  height: number;
}

export const LEADING = 1.18;

const TITLE_SIZES = [27, 24, 21, 18, 15.5, 13.5, 12];
const AUTHOR_SIZES = [12, 10.5];
const VERTICAL_SIZES = [36, 30, 25, 21, 18, 15];
const AUTHOR_HEIGHT = 30;

/** Characters as wide as they are high. */
const WIDE = /[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff00-\uff60\u{1b000}-\u{3ffff}]/u;

/** What Chinese and Japanese titles consist of. */
const IDEOGRAPHIC = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{P}\p{N}ー\s]+$/u;
const HAS_IDEOGRAPHS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;

/** Widths by character, because five expressions for each would dominate the rendering of a page. */
const widths = new Map<string, number>();

function characterWidth(character: string): number {
  const known = widths.get(character);
  if (known !== undefined) return known;
  const width = measure(character);
  widths.set(character, width);
  return width;
}

function measure(character: string): number {
  if (WIDE.test(character)) return 1;
  if (/\p{M}/u.test(character)) return 0;
  if (/[iljtfrI.,:;'’!|()\s-]/.test(character)) return 0.4;
  if (/[mwMW—…]/.test(character)) return 1;
  return /\p{Lu}/u.test(character) ? 0.82 : 0.62;
}

/** The width of a text in ems. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

const SPACE = characterWidth(" ");

export function setTitle(title: string, area: Area): SetText {
  if (IDEOGRAPHIC.test(title) && HAS_IDEOGRAPHS.test(title)) return setVertically(title, area);
  return setWithin(title, area, TITLE_SIZES);
}

/** Several authors become the first of them where not all have room. */
export function setAuthor(author: string, width: number): SetText {
  const area = { width, height: AUTHOR_HEIGHT };
  const all = setWithin(author, area, AUTHOR_SIZES);
  if (!all.lines.at(-1)?.endsWith("…")) return all;
  const [first = author] = author.split(/,\s|;\s*|\s(?:and|und|et|y|e|&)\s/u);
  return setWithin(first === author ? author : `${first} and others`, area, AUTHOR_SIZES);
}

/** The largest of these sizes in which a text has room; in the smallest, it is cut. */
function setWithin(text: string, { width, height }: Area, sizes: number[]): SetText {
  let set: SetText = { size: 0, lines: [], isVertical: false };
  const words = text.split(/\s+/).map(wordOf);
  for (const size of sizes) {
    const lines = wrap(words, width / size);
    set = { ...set, size, lines };
    if (lines.length * size * LEADING <= height && !lines.some((line) => line.endsWith("-\u200b"))) break;
  }
  const room = Math.max(1, Math.floor(height / (set.size * LEADING)));
  return { ...set, lines: cut(set.lines, room).map((line) => line.replace("\u200b", "")) };
}

function cut(lines: string[], room: number): string[] {
  if (lines.length <= room) return lines;
  const last = lines[room - 1]?.replace(/[-\s\p{P}\u200b]*$/u, "");
  return [...lines.slice(0, room - 1), `${last}…`];
}

interface Word {
  text: string;
  width: number;
}

/** Breaks words into lines; within a word only if the word alone is too long, which a mark after the hyphen tells. */
function wrap(words: Word[], width: number): string[] {
  const lines: string[] = [];
  let line = "";
  let filled = 0;
  for (const word of words.some((word) => word.width > width) ? words.flatMap(piecesIn(width)) : words) {
    if (line !== "" && filled + SPACE + word.width > width) {
      lines.push(line);
      line = "";
      filled = 0;
    }
    filled += word.width + (line === "" ? 0 : SPACE);
    line = line === "" ? word.text : `${line} ${word.text}`;
  }
  return [...lines, line];
}

const wordOf = (text: string): Word => ({ text, width: widthOf(text) });

const piecesIn =
  (width: number) =>
  (word: Word): Word[] =>
    word.width <= width ? [word] : piecesOf(word.text, width).map(wordOf);

function piecesOf(word: string, width: number): string[] {
  const pieces = [""];
  for (const character of word) {
    const piece = pieces.at(-1) ?? "";
    const isWide = WIDE.test(character);
    if (piece !== "" && widthOf(`${piece}${character}-`) > width && !/\p{M}/u.test(character)) {
      pieces[pieces.length - 1] = isWide ? piece : `${piece}-\u200b`;
      pieces.push(character);
    } else pieces[pieces.length - 1] = piece + character;
  }
  return pieces;
}

function setVertically(title: string, { width, height }: Area): SetText {
  const characters = [...title.replaceAll(/\s+/g, "\u3000")];
  const columnsOf = (size: number) => Math.ceil(characters.length / Math.floor(height / size));
  const hasRoom = (size: number) => columnsOf(size) * size * 1.3 <= width;
  const size = VERTICAL_SIZES.find(hasRoom) ?? 15;
  const inColumn = Math.ceil(characters.length / columnsOf(size));
  const columns = Array.from({ length: columnsOf(size) }, (_, at) =>
    characters.slice(at * inColumn, (at + 1) * inColumn).join(""),
  );
  return { size, lines: cut(columns, Math.floor(width / (size * 1.3))), isVertical: true };
}
