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
  options: StreamOptions,
  events: StreamEvents,
): ReadableStream<Bytes> {
  return new ReadableStream(new MonitoredSource(source, options, events), { highWaterMark: 0 });
}

type Controller = ReadableStreamDefaultController<Bytes>;

class MonitoredSource implements UnderlyingDefaultSource<Bytes> {
  readonly #reader: ReadableStreamDefaultReader<Bytes>;
  readonly #options: StreamOptions;
  readonly #events: StreamEvents;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  /** Whether the last chunk ended within a line. */
  #isInLine = false;

  constructor(source: ReadableStream<Bytes>, options: StreamOptions, events: StreamEvents) {
    this.#reader = source.getReader();
    this.#options = options;
    this.#events = events;
  }

  start(controller: Controller): void {
    const abandon = () => this.#abandon(controller);
    this.#options.clientGone.addEventListener("abort", abandon, { once: true });
  }

  async pull(controller: Controller): Promise<void> {
    clearTimeout(this.#timer);
    this.#events.onPull();
    try {
      const { done, value } = await this.#reader.read();
      if (this.#isOver) return;
      if (done) {
        controller.close();
        this.#end(this.#events.onEnd);
        return;
      }
      this.#isInLine = value.at(-1) !== LINE_FEED;
      controller.enqueue(value);
      this.#timer = setTimeout(() => this.#abandon(controller), this.#options.timeout);
    } catch (error) {
      if (this.#isOver) return;
      this.#fail(error, controller);
      this.#end(this.#events.onEnd);
    }
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#end(this.#events.onClientGone);
    this.#reader.cancel().catch(() => {});
  }

  #abandon(controller: Controller): void {
    this.cancel();
    controller.error(new Error("The client has gone."));
  }

  #end(report: () => void): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    report();
  }

  #fail(error: unknown, controller: Controller): void {
    const { contentType, requestId } = this.#options;
    const problem = this.#events.onFailure(error);
    if (contentType.startsWith(NDJSON)) {
      const line = `${this.#isInLine ? "\n" : ""}${JSON.stringify(problem.body(requestId))}\n`;
      controller.enqueue(new TextEncoder().encode(line));
      controller.close();
    } else {
      // A new error: runtimes may print it, or even send its message.
      controller.error(new Error("The stream broke off."));
    }
  }
}
