/** Exports of the catalogue: streams that fail if they are not complete. */
import { ConnectionError, ProblemError, ResponseError } from "./errors.ts";
import { notFromApi, type Send } from "./send.ts";
import type { Book, BookExport, ProblemBody } from "./types.ts";

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
  const reader = bytes.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause) => {
        throw options.signal?.aborted
          ? options.signal.reason
          : new ConnectionError("The export is incomplete.", { cause });
      });
      if (done && rest === "") return;
      if (done) throw new ConnectionError("The export is incomplete.");
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield bookIn(line);
    }
  } finally {
    // If the loop over the books ends early, so does the export.
    reader.cancel().catch(() => {});
  }
}

/** @throws ProblemError */
function bookIn(line: string): Book {
  const value: Book | ProblemBody = JSON.parse(line);
  if ("error" in value) throw new ProblemError(value);
  return value;
}
