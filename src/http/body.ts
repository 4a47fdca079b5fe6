import type { Context, MiddlewareHandler } from "hono";
import { Problem } from "./problem.ts";

/** The largest body taken, in bytes. */
export const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Reads the body for the JSON validator behind it: only plain JSON by its Content-Type, at most
 * {@link MAX_BODY_BYTES} counted as they arrive, and only valid UTF-8.
 *
 * @param mergePatch whether `application/merge-patch+json` (RFC 7396) will do as well
 * @param deadline aborted when the time for the request is over
 */
export function readBody(mergePatch: boolean, deadline: (c: Context) => AbortSignal): MiddlewareHandler {
  return async (c, next) => {
    requireJson(c.req.raw.headers, mergePatch);
    const bytes = await readBytes(c.req.raw, deadline(c));
    c.set("body", bytes);
    // A second read of the same request finds the text here instead of a stream that is used up.
    c.req.bodyCache.text = Promise.resolve(decode(bytes)) as unknown as string;
    await next();
  };
}

function requireJson(headers: Headers, mergePatch: boolean): void {
  const [type, ...parameters] = (headers.get("Content-Type") ?? "").toLowerCase().split(";");
  const known =
    type?.trim() === "application/json" || (mergePatch && type?.trim() === "application/merge-patch+json");
  const utf8 = parameters.every(
    (parameter) => !/^\s*charset\s*=/.test(parameter) || /=\s*"?utf-?8"?\s*$/.test(parameter),
  );
  if (!known || !utf8) {
    throw new Problem(
      "unsupported_media_type",
      "The body must be declared as Content-Type: application/json, in UTF-8.",
    );
  }
  if (headers.has("Content-Encoding")) {
    throw new Problem("unsupported_media_type", "The body must come without Content-Encoding.");
  }
}

async function readBytes(request: Request, deadline: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(request.headers.get("Content-Length")) > MAX_BODY_BYTES) throw tooLarge();
  if (!request.body) return new Uint8Array();
  const reader = request.body.getReader();
  const late = aborted(deadline);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late]);
      if (done) return concatenate(chunks, length);
      length += value.byteLength;
      if (length > MAX_BODY_BYTES) {
        // What is left is for discardBody.
        reader.releaseLock();
        throw tooLarge();
      }
      chunks.push(value);
    }
  } catch (error) {
    throw error instanceof Problem
      ? error
      : new Problem("invalid_json", "The body broke off.", { cause: error });
  }
}

/** How much of a refused body is still taken in, in bytes. */
const MAX_DISCARDED_BYTES = 4 * MAX_BODY_BYTES;

/**
 * Takes in what is left of a body that was refused, before the answer goes out: a client that still sends when the
 * connection closes sees a broken connection instead of its answer, and `wrangler dev` makes a 500 of it.
 */
export function discardBody(deadline: (c: Context) => AbortSignal): MiddlewareHandler {
  return async (c, next) => {
    await next();
    const { body } = c.req.raw;
    // A body that was read to its end, or as far as there was time, is locked still.
    if (!body || body.locked) return;
    const reader = body.getReader();
    const late = aborted(deadline(c));
    try {
      for (let length = 0; length < MAX_DISCARDED_BYTES; ) {
        const { done, value } = await Promise.race([reader.read(), late]);
        if (done) return;
        length += value.byteLength;
      }
    } catch {
      // It is late, or the client is gone: the answer goes out as it is.
    }
    reader.cancel().catch(() => {});
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const late = () => reject(new Problem("request_timeout", "The body did not arrive in time."));
    if (signal.aborted) late();
    signal.addEventListener("abort", late);
  });
}

function concatenate(chunks: Uint8Array<ArrayBuffer>[], length: number): Uint8Array<ArrayBuffer> {
  const [only] = chunks;
  if (only && chunks.length === 1) return only;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Problem("invalid_json", "The body is not valid UTF-8.", { cause: error });
  }
}

function tooLarge(): Problem {
  return new Problem("payload_too_large", "The body must be 1 MiB or less.");
}
