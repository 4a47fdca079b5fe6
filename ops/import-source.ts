/** Where an import reads: a file or standard input, compressed or not, in one of three formats. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { CatalogueFormat } from "../src/catalogue/readers.ts";
import { formatOf } from "../src/catalogue/recognition.ts";
import { CatalogueError } from "../src/catalogue/rows.ts";
import { StartupError } from "../src/startup-error.ts";

export interface Source {
  bytes: AsyncIterable<Uint8Array>;
  format: CatalogueFormat;
  /** The part of the file that has been read; undefined for standard input. */
  fractionRead(): number | undefined;
}

/** How much of a file is read at a time. */
const CHUNK_BYTES = 262_144;

/** @throws StartupError if the file cannot be read */
export async function openSource(file: string, format: CatalogueFormat | undefined): Promise<Source> {
  const size = file === "-" ? undefined : await sizeOf(file);
  let read = 0;
  async function* counted(stream: Readable): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of stream) {
      read += chunk.length;
      yield chunk;
    }
  }
  const raw = counted(file === "-" ? process.stdin : createReadStream(file, { highWaterMark: CHUNK_BYTES }));
  const [start, all] = await peek(raw);
  const bytes = isGzip(start) ? inflated(all) : all;
  const [text, whole] = await peek(bytes);
  return {
    bytes: whole,
    format: format ?? formatOf(text),
    fractionRead: () => size && Math.min(1, read / size),
  };
}

async function sizeOf(file: string): Promise<number> {
  try {
    const found = await stat(file);
    if (found.isFile()) return found.size;
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === "ENOENT" ? "does not exist" : "cannot be read";
    throw new StartupError(`${file} ${reason}.`);
  }
  throw new StartupError(`${file} is not a file.`);
}

/** The first chunk, and all chunks with it. */
async function peek(
  source: AsyncGenerator<Uint8Array, void>,
): Promise<[Uint8Array, AsyncGenerator<Uint8Array, void>]> {
  const { value: first = new Uint8Array() } = await source.next();
  async function* all() {
    yield first;
    yield* source;
  }
  return [first, all()];
}

const isGzip = ([first, second]: Uint8Array) => first === 0x1f && second === 0x8b;

async function* inflated(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  try {
    yield* Readable.from(source).pipe(createGunzip({ chunkSize: CHUNK_BYTES }));
  } catch (error) {
    if (!`${(error as NodeJS.ErrnoException).code}`.startsWith("Z_")) throw error;
    throw new CatalogueError("The file is not valid gzip, or it is incomplete.");
  }
}
