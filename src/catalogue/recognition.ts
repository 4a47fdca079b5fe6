/** Which kind of catalogue a file is. */
import type { CatalogueFormat } from "./readers.ts";

/** How much of a file tells: a byte order mark, white space, and a character. */
const NEEDED_BYTES = 100;

/** By the first character: XML begins with `<`, and a line of NDJSON with `{`. */
export function formatOf(start: Uint8Array): CatalogueFormat {
  const beginning = String.fromCharCode(...start.subarray(0, NEEDED_BYTES)).replace(/^(ï»¿|ÿþ|þÿ)/, "");
  const first = beginning.replaceAll("\0", "").trimStart()[0];
  return first === "<" ? "onix" : first === "{" ? "ndjson" : "csv";
}

/** The format of a file, and all of its chunks. */
export async function recognized(source: AsyncIterable<Uint8Array>) {
  const chunks = source[Symbol.asyncIterator]();
  const start: Uint8Array[] = [];
  let length = 0;
  let next = await chunks.next();
  for (; !next.done && length < NEEDED_BYTES; next = await chunks.next()) {
    start.push(next.value);
    length += next.value.length;
  }
  const bytes = new Uint8Array(await new Blob(start as BlobPart[]).arrayBuffer());
  async function* all() {
    try {
      yield bytes;
      for (; !next.done; next = await chunks.next()) yield next.value;
    } finally {
      await chunks.return?.();
    }
  }
  return { format: formatOf(bytes), chunks: all() };
}
