/** Bytes to text. */
import { CatalogueError } from "./rows.ts";

type Bytes = AsyncIterable<Uint8Array>;

/** Stands for bytes that cannot be decoded. No decoder produces a lone surrogate, and no book may contain one. */
const UNREADABLE = "\ud800";

/** Whether a decoded text has bytes that could not be decoded. Half of a pair of surrogates is none. */
export const isUnreadable = (text: string) => !text.isWellFormed();

/** Bounds what a step holds, whatever the size of the chunks that arrive. */
const PIECE = 65_536;

interface Decoder {
  decode(bytes: Uint8Array): string;
  /** What is left when no more bytes come. */
  end(): string;
}

/** `csv`: UTF-8 or Windows-1252, whichever it is. `xml`: as its declaration says. */
type Kind = "csv" | "xml" | "ndjson";

/** Bytes that must be there before a decoder is chosen: a byte order mark, or a declaration of XML. */
const NEEDED = { csv: 3, xml: 200, ndjson: 3 };

/** Decodes by the byte order mark, else as files of this kind are written. */
export async function* decoded(source: Bytes, kind: Kind): AsyncGenerator<string, void> {
  let decoder: Decoder | undefined;
  let start: Uint8Array = new Uint8Array();
  for await (const piece of pieces(source)) {
    if (decoder) {
      yield decoder.decode(piece);
      continue;
    }
    start = joined(start, piece);
    if (start.length < NEEDED[kind]) continue;
    decoder = decoderFor(start, kind);
    yield withoutMark(decoder.decode(start));
  }
  if (decoder) {
    yield decoder.end();
    return;
  }
  decoder = decoderFor(start, kind);
  yield withoutMark(decoder.decode(start) + decoder.end());
}

function decoderFor(start: Uint8Array, kind: Kind): Decoder {
  const [first, second, third] = start;
  if (first === 0xff && second === 0xfe) return new Utf16Decoder(false);
  if (first === 0xfe && second === 0xff) return new Utf16Decoder(true);
  if (first === 0xef && second === 0xbb && third === 0xbf) return new Utf8Decoder();
  if (kind === "csv") return new GuessingDecoder();
  return kind === "xml" ? declaredDecoder(start) : new Utf8Decoder();
}

function declaredDecoder(start: Uint8Array): Decoder {
  const beginning = String.fromCharCode(...start.subarray(0, NEEDED.xml));
  const name = beginning.match(/^\s*<\?xml[^>]*encoding\s*=\s*["']([\w.:-]+)/)?.[1] ?? "UTF-8";
  if (/^utf-?8$/i.test(name)) return new Utf8Decoder();
  // As the web reads them (WHATWG): these names all mean Windows-1252.
  if (/^(iso-?8859-?1|windows-1252|cp1252|latin-?1|us-ascii|ascii)$/i.test(name))
    return new Windows1252Decoder();
  throw new CatalogueError(
    `The encoding ${name} is not supported: UTF-8, UTF-16 with BOM and Windows-1252 are.`,
  );
}

const withoutMark = (text: string) => (text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);

async function* pieces(source: Bytes): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of source)
    for (let at = 0; at < chunk.length; at += PIECE) yield chunk.subarray(at, at + PIECE);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** Marks what is not UTF-8, and goes on after it: one bad byte costs one row, not the file. */
export class Utf8Decoder implements Decoder {
  readonly #strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #lenient = new TextDecoder("utf-8", { ignoreBOM: true });
  #tail: Uint8Array = new Uint8Array();

  decode(bytes: Uint8Array): string {
    const all = joined(this.#tail, bytes);
    const end = all.length - unfinished(all);
    this.#tail = all.slice(end);
    return this.#whole(all.subarray(0, end));
  }

  end(): string {
    return this.#whole(this.#tail);
  }

  #whole(bytes: Uint8Array): string {
    try {
      return this.#strict.decode(bytes);
    } catch {
      return this.#damaged(bytes);
    }
  }

  /** A replacement character that stands in the file itself (EF BF BD) is not a fault. */
  #damaged(bytes: Uint8Array): string {
    const parts: string[] = [];
    let from = 0;
    for (let at = 0; at <= bytes.length; at++) {
      const isReplacement = bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd;
      if (!isReplacement && at < bytes.length) continue;
      parts.push(this.#lenient.decode(bytes.subarray(from, at)).replaceAll("\ufffd", UNREADABLE));
      from = at + 3;
    }
    return parts.join("\ufffd");
  }
}

/** How many bytes at the end begin a character whose rest has not arrived. */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return length > back ? back : 0;
  }
  return 0;
}

/** So many bytes decide an encoding, however they arrive: the same file is read alike from any network. */
const DECIDING = 4096;

/** Decides between UTF-8 and Windows-1252 by the bytes from the first beyond ASCII on, however late it comes. */
class GuessingDecoder implements Decoder {
  #decided: Decoder | undefined;
  #tail: Uint8Array = new Uint8Array();

  decode(bytes: Uint8Array): string {
    if (this.#decided) return this.#decided.decode(bytes);
    const all = joined(this.#tail, bytes);
    const first = all.findIndex((byte) => byte >= 0x80);
    const end = first < 0 ? all.length : first;
    this.#tail = all.slice(end);
    const text = ascii.decode(all.subarray(0, end));
    return this.#tail.length < DECIDING ? text : text + this.#decide(false);
  }

  end(): string {
    const text = this.#decided ? "" : this.#decide(true);
    return text + this.#decided?.end();
  }

  #decide(isWhole: boolean): string {
    const isUtf8 = isMostlyUtf8(this.#tail.subarray(0, DECIDING), isWhole);
    this.#decided = isUtf8 ? new Utf8Decoder() : new Windows1252Decoder();
    return this.#decided.decode(this.#tail);
  }
}

const ascii = new TextDecoder();

/**
 * A letter of Windows-1252 is hardly ever a valid sequence of UTF-8, so the majority tells, even in a damaged file.
 *
 * @param isWhole whether nothing follows, so that an unfinished character at the end is a bad one
 */
function isMostlyUtf8(bytes: Uint8Array, isWhole: boolean): boolean {
  const decoder = new Utf8Decoder();
  const text = decoder.decode(bytes) + (isWhole ? decoder.end() : "");
  const bad = text.match(/\ud800/gu)?.length ?? 0;
  return bad === 0 || (text.match(/[^\0-\x7f\ud800]/gu)?.length ?? 0) > bad;
}

/** Not a TextDecoder: workerd, Node and Bun have differed in what they make of 80 to 9F. */
export class Windows1252Decoder implements Decoder {
  decode(bytes: Uint8Array): string {
    const codes = new Uint16Array(bytes.length);
    for (let at = 0; at < bytes.length; at++) codes[at] = WINDOWS_1252[bytes[at] ?? 0] ?? 0;
    let text = "";
    for (let at = 0; at < codes.length; at += 8192)
      text += String.fromCharCode(...codes.subarray(at, at + 8192));
    return text;
  }

  end(): string {
    return "";
  }
}

const WINDOWS_1252 = Uint16Array.from({ length: 256 }, (_, byte) => byte);
WINDOWS_1252.set(
  Array.from("€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ", (letter) => letter.charCodeAt(0)),
  0x80,
);

/** Not every runtime's TextDecoder has utf-16be, so the bytes are swapped. */
class Utf16Decoder implements Decoder {
  readonly #decoder = new TextDecoder("utf-16le", { ignoreBOM: true });
  readonly #isBigEndian: boolean;
  #odd: Uint8Array = new Uint8Array();

  constructor(isBigEndian: boolean) {
    this.#isBigEndian = isBigEndian;
  }

  decode(bytes: Uint8Array): string {
    if (!this.#isBigEndian) return this.#decoder.decode(bytes, { stream: true });
    const all = joined(this.#odd, bytes);
    const end = all.length - (all.length % 2);
    this.#odd = all.slice(end);
    const swapped = new Uint8Array(end);
    for (let at = 0; at < end; at += 2) {
      swapped[at] = all[at + 1] ?? 0;
      swapped[at + 1] = all[at] ?? 0;
    }
    return this.#decoder.decode(swapped, { stream: true });
  }

  end(): string {
    return this.#decoder.decode(this.#odd);
  }
}
