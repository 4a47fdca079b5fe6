import { LateError, within } from "../deadline.ts";
import type { Clock } from "./body.ts";
import type { Problem } from "./problem.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const NDJSON = "application/x-ndjson";
const LINE_FEED = 10;

/** How much longer than its source a stream waits, so that a source that is late can say why. */
const GRACE_MS = 100;

export interface StreamEvents {
  /** A chunk leaves. */
  onChunk(bytes: number): void;
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
  /** Limits the time between two chunks. */
  clock: Clock;
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

  async pull(controller: Controller): Promise<void> {
    clearTimeout(this.#timer);
    this.#options.clock.restart();
    try {
      const { done, value } = await this.#read();
      if (this.#isOver) return;
      if (done) {
        controller.close();
        this.#end(this.#events.onEnd);
        return;
      }
      this.#isInLine = value.at(-1) !== LINE_FEED;
      this.#events.onChunk(value.byteLength);
      controller.enqueue(value);
      this.#options.clock.restart();
      this.#awaitClient(controller);
    } catch (error) {
      if (this.#isOver) return;
      this.#fail(error, controller);
      this.#end(this.#events.onEnd);
      this.#reader.cancel().catch(() => {});
    }
  }

  /** Reads the next chunk. A body that arrives meanwhile restarts the clock. */
  async #read(): Promise<ReadableStreamReadResult<Bytes>> {
    const chunk = this.#reader.read();
    for (;;) {
      try {
        return await within(this.#options.clock.timeLeft() + GRACE_MS, chunk);
      } catch (error) {
        if (!(error instanceof LateError) || this.#options.clock.timeLeft() === 0) throw error;
      }
    }
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#end(this.#events.onClientGone);
    this.#reader.cancel().catch(() => {});
  }

  /** A client may send its whole body before it reads: what arrives restarts the clock. */
  #awaitClient(controller: Controller): void {
    const { clock } = this.#options;
    this.#timer = setTimeout(() => {
      if (clock.timeLeft() > 0) this.#awaitClient(controller);
      else this.#abandon(controller);
    }, clock.timeLeft());
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
      // Not the original error: runtimes may print an error, or even send its message.
      controller.error(new Error("The stream failed."));
    }
  }
}
