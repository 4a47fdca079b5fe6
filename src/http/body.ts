/** Request bodies: their media types, their limits, and reading them in time. */
import { LateError, within } from "../deadline.ts";
import { Problem } from "./problem.ts";
import { type JsonBody, MIB, type StreamBody } from "./route.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The deadline of a request. */
export interface Clock {
  /** Milliseconds until the deadline. */
  timeLeft(): number;
  /** Restarts the timeout after a chunk of a stream has arrived or left. */
  restart(): void;
}

/** After rejecting a body, the API reads at most this many bytes more, so that the client sees the response. */
const MAX_DISCARDED_BYTES = 4 * MIB;

/** The body of one request. It is read once, whole or as a stream; `discard` reads what is left. */
export class RequestBody {
  readonly #request: Request;
  readonly #clock: Clock;
  /** The bytes that have been read, as they came. */
  received = 0;
  #openReader: ReadableStreamDefaultReader<Bytes> | undefined;
  /** Nothing more can be read: the body has ended, broken off or stalled. */
  #isDone = false;

  constructor(request: Request, clock: Clock) {
    this.#request = request;
    this.#clock = clock;
  }

  /** @throws Problem `payload_too_large`, `invalid_json` if the body is incomplete, `request_timeout` */
  async readAll(maxBytes: number): Promise<Bytes> {
    this.#rejectDeclaredLength(maxBytes);
    try {
      return await within(this.#clock.timeLeft(), this.#readAll(maxBytes));
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /**
   * Returns the body as it arrives. The stream errors with the problems of {@link readAll}, and with
   * `unsupported_media_type` if it is declared as gzip but is not. The timeout applies between two chunks.
   *
   * @throws Problem `payload_too_large` if Content-Length already exceeds the limit
   */
  stream({ maxBytes }: StreamBody): ReadableStream<Bytes> {
    const isGzip = this.#request.headers.get("Content-Encoding") !== null;
    if (!isGzip) this.#rejectDeclaredLength(maxBytes);
    const read = isGzip ? this.#inflated() : () => this.#readInTime();
    let length = 0;
    return new ReadableStream<Bytes>(
      {
        async pull(controller) {
          const chunk = await read();
          if (!chunk) return controller.close();
          length += chunk.byteLength;
          if (length > maxBytes) throw tooLarge(maxBytes);
          controller.enqueue(chunk);
        },
      },
      { highWaterMark: 0 },
    );
  }

  /**
   * Reads the rest of the body before the response goes out. If the connection closed while the client is still
   * sending, the client would see a broken connection instead of the response, and `wrangler dev` would respond with 500.
   */
  async discard(): Promise<void> {
    // On Node, asking for the body of a request without one is expensive.
    if (this.#isDone || this.#request.method === "GET" || this.#request.method === "HEAD") return;
    const reader = this.#reader();
    if (!reader) return;
    const readRest = async () => {
      for (let length = 0; length < MAX_DISCARDED_BYTES; ) {
        const chunk = await this.#read();
        if (!chunk) return;
        length += chunk.byteLength;
      }
    };
    // After the deadline, or if the client has gone, the response goes out anyway.
    await within(this.#clock.timeLeft(), readRest()).catch(() => {});
    this.#isDone = true;
    reader.cancel().catch(() => {});
  }

  async #readAll(maxBytes: number): Promise<Bytes> {
    // No runtime delivers more bytes than Content-Length declares, and this is the fastest way to read them.
    if (this.#request.headers.has("Content-Length")) {
      this.#isDone = true;
      const whole = new Uint8Array(await this.#request.arrayBuffer());
      this.received = whole.byteLength;
      return whole;
    }
    const chunks: Bytes[] = [];
    for (let length = 0; ; ) {
      const chunk = await this.#read();
      if (!chunk) return concatenate(chunks, length);
      length += chunk.byteLength;
      if (length > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
  }

  async #readInTime(): Promise<Bytes | undefined> {
    try {
      this.#clock.restart();
      return await within(this.#clock.timeLeft(), this.#read());
    } catch (error) {
      throw this.#failure(error);
    } finally {
      this.#clock.restart();
    }
  }

  /** Decompresses the body. Keeps an error of the compressed stream, because some runtimes wrap it. */
  #inflated(): () => Promise<Bytes | undefined> {
    let failure: Problem | undefined;
    const compressed = new ReadableStream<Bytes>(
      {
        pull: async (controller) => {
          try {
            const chunk = await this.#readInTime();
            if (chunk) controller.enqueue(chunk);
            else controller.close();
          } catch (error) {
            failure = error as Problem;
            throw error;
          }
        },
      },
      { highWaterMark: 0 },
    );
    const reader = compressed.pipeThrough(new DecompressionStream("gzip")).getReader();
    return async () => {
      try {
        return (await reader.read()).value;
      } catch (cause) {
        throw failure ?? new Problem("unsupported_media_type", "The body is not valid gzip.", { cause });
      }
    };
  }

  async #read(): Promise<Bytes | undefined> {
    const result = await this.#reader()?.read();
    if (!result || result.done) this.#isDone = true;
    this.received += result?.value?.byteLength ?? 0;
    return result?.value;
  }

  #reader(): ReadableStreamDefaultReader<Bytes> | undefined {
    this.#openReader ??= this.#request.body?.getReader();
    return this.#openReader;
  }

  #rejectDeclaredLength(maxBytes: number): void {
    if (Number(this.#request.headers.get("Content-Length")) > maxBytes) throw tooLarge(maxBytes);
  }

  #failure(error: unknown): Problem {
    if (error instanceof Problem) return error;
    this.#isDone = true;
    return error instanceof LateError
      ? new Problem("request_timeout", "The body did not arrive in time.")
      : new Problem("invalid_json", "The body is incomplete.", { cause: error });
  }
}

const OTHER_CHARSET = /^[\t ]*charset[\t ]*=(?![\t ]*"?utf-?8"?[\t ]*$)/;

/** @throws Problem `unsupported_media_type` unless the headers declare a body that the route accepts */
export function requireMediaType(headers: Headers, body: JsonBody | StreamBody): void {
  const [type = "", ...parameters] = (headers.get("Content-Type") ?? "").toLowerCase().split(";");
  const isJson = body.kind === "json";
  const isKnown = body.types.some((known) => isMediaType(type, known));
  if (!isKnown || (isJson && parameters.some((parameter) => OTHER_CHARSET.test(parameter)))) {
    const accepted = body.types.join(" or ") + (isJson ? ", in UTF-8" : "");
    throw new Problem("unsupported_media_type", `The Content-Type of the body must be ${accepted}.`);
  }
  // An empty header names no coding, and some runtimes drop it.
  const coding = headers.get("Content-Encoding")?.toLowerCase();
  const isGzip = body.kind === "stream" && body.gzip && coding === "gzip";
  if (coding && !isGzip) {
    const accepted = body.kind === "stream" && body.gzip ? " other than gzip" : "";
    throw new Problem("unsupported_media_type", `The body must not have a Content-Encoding${accepted}.`);
  }
}

/** Only space and tab are white space here (RFC 9110, 5.6.3): runtimes differ on bytes beyond ASCII. */
function isMediaType(given: string, known: string): boolean {
  return given.startsWith(known) && /^[\t ]*$/.test(given.slice(known.length));
}

/** @throws Problem `invalid_json` */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decode(bytes));
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem("invalid_json", "The body is not valid JSON.");
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Problem("invalid_json", "The body is not valid UTF-8.", { cause: error });
  }
}

function concatenate(chunks: Bytes[], length: number): Bytes {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}

function tooLarge(maxBytes: number): Problem {
  const limit = maxBytes % MIB === 0 ? `${maxBytes / MIB} MiB` : `${maxBytes} bytes`;
  return new Problem("payload_too_large", `The body must not exceed ${limit}.`);
}
