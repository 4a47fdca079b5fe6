/** The report of an import over HTTP: lines that the client takes when it likes, while the import goes on. */
import type { ImportEvent, Progress, Summary } from "./importer.ts";

/** How many refused rows a report lists. A client may send its whole file before it reads. */
const MAX_LISTED = 1000;

type Events = AsyncGenerator<ImportEvent, Summary>;

interface ReportOptions {
  /** Aborts when the client has gone; the import then ends after its batch. */
  signal: AbortSignal;
  isDryRun: boolean;
  /** Is told what is committed, also of an import that does not reach its end. */
  note(rows: Omit<Progress, "rows">): void;
}

export class ImportReport {
  readonly #events: Events;
  readonly #options: ReportOptions;
  #lines: string[] = [];
  #listed = 0;
  #omitted = 0;
  #error: unknown;
  #isOver = false;
  #wake = () => {};

  constructor(events: Events, options: ReportOptions) {
    this.#events = events;
    this.#options = options;
    this.#run();
  }

  /** Waits for the first line. A failure before it is thrown, so that it still has a status. */
  async started(): Promise<void> {
    await this.#line();
    if (this.#lines.length === 0 && this.#error) throw this.#error;
  }

  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const encoder = new TextEncoder();
    return new ReadableStream(
      {
        pull: async (controller) => {
          await this.#line();
          const text = this.#lines.join("");
          this.#lines = [];
          if (text !== "") controller.enqueue(encoder.encode(text));
          else if (this.#error) throw this.#error;
          else controller.close();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** Waits until there is a line, or the end. */
  async #line(): Promise<void> {
    if (this.#lines.length > 0 || this.#isOver) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  async #run(): Promise<void> {
    try {
      let next = await this.#events.next();
      for (; !next.done && !this.#options.signal.aborted; next = await this.#events.next())
        this.#add(next.value);
      if (next.done) {
        this.#note(next.value);
        this.#write(this.#summaryOf(next.value));
      } else await this.#events.return({} as Summary);
    } catch (error) {
      this.#error = error;
    }
    this.#isOver = true;
    this.#wake();
  }

  #add(event: ImportEvent): void {
    if (event.kind === "progress") {
      this.#note(event.progress);
      this.#write(event.progress);
    } else if (this.#listed === MAX_LISTED) {
      this.#omitted++;
    } else {
      this.#listed++;
      const { row, isbn = null, details } = event.row;
      this.#write({ row, isbn, details });
    }
  }

  #summaryOf({ rows, created, updated, unchanged, deleted, refused, ...rest }: Summary) {
    const counts = { created, updated, unchanged, refused, deleted, rows };
    return { ...counts, refused_omitted: this.#omitted, ...rest, dry_run: this.#options.isDryRun };
  }

  #note({ created, updated, unchanged, deleted, refused }: Progress): void {
    if (this.#options.isDryRun) return;
    this.#options.note({ created, updated, unchanged, deleted, refused });
  }

  #write(value: object): void {
    this.#lines.push(`${JSON.stringify(value)}\n`);
    this.#wake();
  }
}
