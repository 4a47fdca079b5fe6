/** Imports of files. */
import { ConnectionError, ResponseError } from "./errors.ts";
import type { BookImport, ImportProgress, ImportSummary, RefusedRow } from "./file-types.ts";
import { linesIn } from "./lines.ts";
import { notFromApi, type Send } from "./send.ts";

export interface ImportOptions {
  signal?: AbortSignal | undefined;
  /** Is called after each batch. */
  onProgress?: ((progress: ImportProgress) => void) | undefined;
  /** Is called for each refused row, of the first 1,000. */
  onRefused?: ((row: RefusedRow) => void) | undefined;
}

/** @throws ProblemError also if the import ends early: what `onProgress` was told is imported */
export async function importedFile(
  send: Send,
  file: Blob,
  { type = file.type, ...query }: BookImport = {},
  { signal, onProgress, onRefused }: ImportOptions = {},
): Promise<ImportSummary> {
  const call = { method: "POST", path: ["books", "import"], query, signal, stream: true } as const;
  const { status, body } = await send({ ...call, file: file.slice(0, file.size, type) });
  if (!(body instanceof ReadableStream)) throw new ResponseError(notFromApi("no stream"), status);
  const incomplete = "The report of the import is incomplete.";
  for await (const line of linesIn<RefusedRow | ImportProgress | ImportSummary>(body, incomplete, signal)) {
    if ("row" in line) onRefused?.(line);
    else if ("repairs" in line) return line;
    else onProgress?.(line);
  }
  throw new ConnectionError(incomplete);
}
