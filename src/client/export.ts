/** Exports of the catalogue: streams that fail if they are not complete. */
import { ResponseError } from "./errors.ts";
import type { BookExport } from "./file-types.ts";
import { linesIn } from "./lines.ts";
import { notFromApi, type Send } from "./send.ts";
import type { Book } from "./types.ts";

interface Options {
  signal?: AbortSignal | undefined;
}

/** The bytes of a file. The stream fails if the connection breaks, or when the signal aborts. */
export async function exportedFile(
  send: Send,
  query: BookExport = {},
  { signal }: Options = {},
): Promise<ReadableStream<Uint8Array>> {
  const call = { method: "GET", path: ["books", "export"], query, signal, stream: true } as const;
  const { status, body } = await send(call);
  if (!(body instanceof ReadableStream)) throw new ResponseError(notFromApi("no stream"), status);
  return body;
}

/** Yields all books of an export. The problem that ends an incomplete export is thrown. */
export async function* exportedBooks(
  send: Send,
  query: Omit<BookExport, "format" | "with_ids" | "excel" | "escape_formulas"> = {},
  options: Options = {},
): AsyncGenerator<Book, undefined> {
  const bytes = await exportedFile(send, { ...query, format: "ndjson", with_ids: true }, options);
  yield* linesIn<Book>(bytes, "The export is incomplete.", options.signal);
}
