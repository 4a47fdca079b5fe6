/** An app with streaming routes. The tests bundle it instead of `src/app.ts`, with the entry of every runtime. */

import * as z from "zod";
import type { Ports } from "../../src/app.ts";
import { Api } from "../../src/http/api.ts";
import { authenticator } from "../../src/http/auth/authenticate.ts";
import type { App } from "../../src/http/exchange.ts";
import { jsonReply } from "../../src/http/reply.ts";
import { json, MIB, route, stream } from "../../src/http/route.ts";

const NDJSON = "application/x-ndjson";
type Bytes = Uint8Array<ArrayBuffer>;

/** Replies with a stream. */
const sending = (body: ReadableStream<Bytes>, type = NDJSON) => ({
  status: 200 as const,
  body,
  headers: { "Content-Type": type },
});

const encoder = new TextEncoder();
const line = (value: unknown) => encoder.encode(`${JSON.stringify(value)}\n`);

/** The state of a stream's source. */
interface Source {
  produced: number;
  cancelled: boolean;
  aborted: boolean;
}

const sources = new Map<string, Source>();

const lines = { description: "Lines.", types: [NDJSON] };
const common = {
  tag: { name: "Streams", description: "Streams." },
  summary: "A stream",
  role: "public",
  database: false,
  problems: [],
} as const;

const endless = route({
  ...common,
  method: "get",
  path: "/endless/:name",
  name: "endless",
  params: z.object({ name: z.string() }),
  success: { 200: lines },
});

const source = route({
  ...endless,
  path: "/sources/:name",
  name: "source",
  success: { 200: { description: "What became of it." } },
});

const failing = route({
  ...common,
  method: "get",
  path: "/failing/:type",
  name: "failing",
  params: z.object({ type: z.enum(["ndjson", "csv"]) }),
  success: { 200: { description: "A part.", types: [NDJSON, "text/csv"] } },
});

const count = route({
  ...common,
  method: "post",
  path: "/count",
  name: "count",
  keyed: false,
  body: stream({ types: [NDJSON, "text/csv"], maxBytes: 2 * MIB, gzip: true }),
  success: { 200: { description: "The bytes that came." } },
});

/** Replies while the body arrives. */
const echo = route({ ...count, path: "/echo", name: "echo", success: { 200: lines } });

/** Has a shorter deadline and a lower limit than other routes. */
const small = route({
  ...common,
  method: "post",
  path: "/small",
  name: "small",
  keyed: false,
  deadline: 300,
  body: json(z.unknown(), { maxBytes: 10 }),
  success: { 200: { description: "It is small." } },
});

export function createApp({ config, connect, limiter, log }: Ports): App {
  const api = new Api({
    settings: config,
    authenticator: authenticator(config.authentication),
    connect,
    limiter,
    log,
  });

  api.on(endless, async ({ params: { name } }, { signal }) => {
    const state: Source = { produced: 0, cancelled: false, aborted: false };
    sources.set(name, state);
    signal.addEventListener("abort", () => {
      state.aborted = true;
    });
    const body = new ReadableStream<Bytes>({
      async pull(controller) {
        if (name === "silent" && state.produced > 0) await new Promise(() => {});
        state.produced++;
        controller.enqueue(line("x".repeat(65_536)));
      },
      cancel() {
        state.cancelled = true;
      },
    });
    return sending(body);
  });

  api.on(source, async ({ params: { name } }) => jsonReply(200, JSON.stringify(sources.get(name) ?? null)));

  api.on(failing, async ({ params: { type } }) => {
    let pulls = 0;
    const body = new ReadableStream<Bytes>({
      async pull(controller) {
        // Fails later, like a database at the second page.
        if (pulls++ > 0) await new Promise((resolve) => setTimeout(resolve, 100));
        if (pulls > 1) throw new Error("a hidden reason");
        controller.enqueue(encoder.encode('{"row":1}\n{"ro'));
      },
    });
    return sending(body, type === "csv" ? "text/csv" : NDJSON);
  });

  api.on(count, async ({ body }) => {
    let bytes = 0;
    for await (const chunk of body) bytes += chunk.byteLength;
    return jsonReply(200, JSON.stringify({ bytes }));
  });

  api.on(echo, async ({ body }) => {
    const echoed = body.pipeThrough(
      new TransformStream<Bytes, Bytes>({
        transform: ({ byteLength }, controller) => controller.enqueue(line({ bytes: byteLength })),
      }),
    );
    return sending(echoed);
  });

  api.on(small, async () => jsonReply(200, "{}"));

  return api.app();
}
