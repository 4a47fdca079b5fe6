import { etagOfText, type Preconditions, textNotModified } from "./etag.ts";
import type { HandlerContext } from "./handler.ts";
import type { AnyReply } from "./reply.ts";

const encoder = new TextEncoder();

/** A text that is sent many times: encoded, hashed and compressed once. */
export class Content {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Without the mark of a weak tag. */
  readonly etag: string;
  #gzip: Uint8Array<ArrayBuffer> | undefined;

  constructor(text: string) {
    this.bytes = encoder.encode(text);
    this.etag = etagOfText(text);
  }

  /** 200, or 304 if the client has it. The tag is weak, because the compressed form is other bytes. */
  async reply(
    headers: Record<string, string>,
    preconditions: Preconditions,
    { acceptsGzip }: Pick<HandlerContext, "acceptsGzip">,
  ): Promise<AnyReply> {
    const validators = {
      ETag: `W/${this.etag}`,
      Vary: [headers.Vary, "Accept-Encoding"].filter(Boolean).join(", "),
    };
    if (textNotModified(preconditions, this.etag)) {
      return { status: 304, headers: { "Cache-Control": headers["Cache-Control"], ...validators } };
    }
    if (!acceptsGzip) return { status: 200, body: this.bytes, headers: { ...headers, ...validators } };
    this.#gzip ??= await compress(this.bytes);
    return {
      status: 200,
      body: this.#gzip,
      headers: { ...headers, ...validators, "Content-Encoding": "gzip" },
    };
  }
}

async function compress(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
