import { ConnectionError, ProblemError } from "./errors.ts";
import type { ProblemBody } from "./problem-types.ts";

/**
 * Yields the lines of a stream of NDJSON. The problem that ends an incomplete stream is thrown.
 *
 * @param incomplete what to say if the connection breaks
 * @throws ProblemError, ConnectionError, and the reason of the signal
 */
export async function* linesIn<Line extends object>(
  bytes: ReadableStream<Uint8Array>,
  incomplete: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Line, undefined> {
  const reader = bytes.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause) => {
        throw signal?.aborted ? signal.reason : new ConnectionError(incomplete, { cause });
      });
      if (done && rest === "") return;
      if (done) throw new ConnectionError(incomplete);
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield parsed<Line>(line);
    }
  } finally {
    // If the loop over the lines ends early, so does the request.
    reader.cancel().catch(() => {});
  }
}

/** @throws ProblemError */
function parsed<Line extends object>(line: string): Line {
  const value: Line | ProblemBody = JSON.parse(line);
  if ("error" in value) throw new ProblemError(value);
  return value;
}
