import type { Problem } from "./problem.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const NDJSON = "application/x-ndjson";
const LINE_FEED = 10;

export interface StreamEvents {
  /** The client asks for the next chunk. */
  onPull(): void;
  /** The source has failed; returns the problem to report. */
  onFailure(error: unknown): Problem;
  /** The last byte has left, or the stream has failed. */
  onEnd(): void;
  /** The client has gone, or has read nothing for the whole timeout. */
  onClientGone(): void;
}

export interface StreamOptions {
  contentType: string;
  requestId: string;
  /** Milliseconds that a client may take to ask for the next chunk. */
  timeout: number;
  /** Aborts when the client has gone; not every runtime cancels the stream then. */
  clientGone: AbortSignal;
}

/**
 * Sends the body of a response: it pulls a chunk from the source when the client takes one, and reports how the stream
 * ends. A source that fails never looks complete: NDJSON ends with the problem on a line of its own, and any other
 * media type breaks the connection.
 */
export function monitored(
  source: ReadableStream<Bytes>,
  { contentType, requestId, timeout, clientGone }: StreamOptions,
  events: StreamEvents,
): ReadableStream<Bytes> {
  const reader = source.getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  let isInLine = false;
  /** Ends the stream once, whatever comes first. */
  const end = (report: () => void): boolean => {
    if (isOver) return false;
    isOver = true;
    clearTimeout(timer);
    report();
    return true;
  };
  const leave = async () => {
    if (end(events.onClientGone)) await reader.cancel().catch(() => {});
  };
  const fail = (error: unknown, controller: ReadableStreamDefaultController<Bytes>) => {
    const problem = events.onFailure(error);
    if (contentType.startsWith(NDJSON)) {
      const line = `${isInLine ? "\n" : ""}${JSON.stringify(problem.body(requestId))}\n`;
      controller.enqueue(new TextEncoder().encode(line));
      controller.close();
    } else {
      // A new error: runtimes may print it, or even send its message.
      controller.error(new Error("The stream broke off."));
    }
  };
  return new ReadableStream<Bytes>(
    {
      start(controller) {
        const abandon = () => void leave().then(() => controller.error(new Error("The client has gone.")));
        clientGone.addEventListener("abort", () => isOver || abandon(), { once: true });
      },
      async pull(controller) {
        clearTimeout(timer);
        events.onPull();
        try {
          const { done, value } = await reader.read();
          if (isOver) return;
          if (done) {
            controller.close();
            end(events.onEnd);
            return;
          }
          isInLine = value.at(-1) !== LINE_FEED;
          controller.enqueue(value);
          timer = setTimeout(() => {
            controller.error(new Error("The client has stopped reading."));
            void leave();
          }, timeout);
        } catch (error) {
          if (isOver) return;
          fail(error, controller);
          end(events.onEnd);
        }
      },
      cancel: leave,
    },
    { highWaterMark: 0 },
  );
}
