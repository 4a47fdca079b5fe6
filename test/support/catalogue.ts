/** Reads catalogues in tests: in pieces of any size, because no result may depend on where a chunk ends. */
import type { Row, RowBatches } from "../../src/catalogue/rows.ts";

type Read = (source: AsyncIterable<Uint8Array>) => RowBatches;

export async function* inChunks(file: string | Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  const bytes = typeof file === "string" ? new TextEncoder().encode(file) : file;
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export async function allRows(read: Read, file: string | Uint8Array, size?: number): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const batch of read(inChunks(file, size))) rows.push(...batch);
  return rows;
}

/** What matters of a row, in a form that is short in a table of cases. */
export function brief(row: Row): unknown {
  if (row.kind === "refused") return row.details.map(({ path, code }) => `${path}: ${code}`).join(", ");
  return row.kind === "book" ? { isbn: row.isbn, ...row.book } : { deleted: row.isbn };
}

/** Repeats text without end, as a file that never ends would. */
export async function* repeated(text: string, times: number): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < times; at++) yield bytes;
}

export async function* inTurn(...sources: AsyncIterable<Uint8Array>[]): AsyncGenerator<Uint8Array> {
  for (const source of sources) yield* source;
}
