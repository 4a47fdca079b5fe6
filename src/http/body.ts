import type { HonoRequest } from "hono";
import { LateError, within } from "../deadline.ts";
import { Problem } from "./problem.ts";

/** The largest body taken, in bytes. */
export const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Reads the body, and leaves it for the JSON validator: only plain JSON by its Content-Type, at most
 * {@link MAX_BODY_BYTES} counted as they arrive, and only valid UTF-8.
 *
 * @param mergePatch whether `application/merge-patch+json` (RFC 7396) will do as well
 * @param time milliseconds that it may take
 * @returns its bytes
 * @throws Problem `unsupported_media_type`, `payload_too_large`, `invalid_json`, `request_timeout`
 */
export async function readBody(
  request: HonoRequest,
  mergePatch: boolean,
  time: number,
): Promise<Uint8Array<ArrayBuffer>> {
  requireJson(request.raw.headers, mergePatch);
  const bytes = await readInTime(request.raw, time);
  // A second read of the same request finds the text here instead of a stream that is used up.
  request.bodyCache.text = Promise.resolve(decode(bytes)) as unknown as string;
  return bytes;
}

// Only space and tab are white space here (RFC 9110, 5.6.3): bytes beyond ASCII differ between runtimes, as text.
const JSON_TYPE = /^application\/json[\t ]*$/;
const MERGE_PATCH_TYPE = /^application\/merge-patch\+json[\t ]*$/;
const OTHER_CHARSET = /^[\t ]*charset[\t ]*=(?![\t ]*"?utf-?8"?[\t ]*$)/;

function requireJson(headers: Headers, mergePatch: boolean): void {
  const [type = "", ...parameters] = (headers.get("Content-Type") ?? "").toLowerCase().split(";");
  const known = JSON_TYPE.test(type) || (mergePatch && MERGE_PATCH_TYPE.test(type));
  if (!known || parameters.some((parameter) => OTHER_CHARSET.test(parameter))) {
    throw new Problem(
      "unsupported_media_type",
      "The body must be declared as Content-Type: application/json, in UTF-8.",
    );
  }
  // An empty list names no coding, and does not reach every runtime.
  if (headers.get("Content-Encoding")) {
    throw new Problem("unsupported_media_type", "The body must come without Content-Encoding.");
  }
}

async function readInTime(request: Request, time: number): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await within(time, readBytes(request));
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw error instanceof LateError
      ? new Problem("request_timeout", "The body did not arrive in time.")
      : new Problem("invalid_json", "The body broke off.", { cause: error });
  }
}

async function readBytes(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  const declared = request.headers.get("Content-Length");
  if (Number(declared) > MAX_BODY_BYTES) throw tooLarge();
  // No runtime lets more come than was declared, and none reads it faster than by itself.
  if (declared !== null) return new Uint8Array(await request.arrayBuffer());
  if (!request.body) return new Uint8Array();
  const reader = request.body.getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let length = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return concatenate(chunks, length);
    length += value.byteLength;
    if (length > MAX_BODY_BYTES) {
      // What is left is for discardBody.
      reader.releaseLock();
      throw tooLarge();
    }
    chunks.push(value);
  }
}

/** How much of a refused body is still taken in, in bytes. */
const MAX_DISCARDED_BYTES = 4 * MAX_BODY_BYTES;

/**
 * Takes in what is left of a body that was refused, before the answer goes out: a client that still sends when the
 * connection closes sees a broken connection instead of its answer, and `wrangler dev` makes a 500 of it.
 */
export async function discardBody({ method, raw }: HonoRequest, time: number): Promise<void> {
  // To ask for a body that cannot be is no small work on Node.
  if (method === "GET" || method === "HEAD") return;
  const { body } = raw;
  // One that was read as far as there was time is locked still.
  if (!body || body.locked) return;
  const reader = body.getReader();
  const discard = async () => {
    for (let length = 0; length < MAX_DISCARDED_BYTES; ) {
      const { done, value } = await reader.read();
      if (done) return;
      length += value.byteLength;
    }
  };
  // Where it is late, or the client is gone, the answer goes out as it is.
  await within(time, discard()).catch(() => {});
  reader.cancel().catch(() => {});
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
