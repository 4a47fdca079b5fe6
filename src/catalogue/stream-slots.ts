import { Problem } from "../http/problem.ts";

/** How many imports and exports a process serves at a time. The rest of its connections are for other requests. */
const SLOTS = 2;

/** Limits the streams of a process. */
export class StreamSlots {
  #taken = 0;
  readonly #importers = new Set<string>();

  /**
   * Takes a slot until the signal aborts.
   *
   * @param importer who imports: each may import one catalogue at a time
   * @throws Problem `rate_limited`
   */
  take(signal: AbortSignal, importer?: string): void {
    if (this.#taken >= SLOTS)
      throw busy(`This server imports and exports ${SLOTS} catalogues at a time. Try again later.`);
    if (importer !== undefined && this.#importers.has(importer))
      throw busy("Another import of yours is running. Try again when it has ended.");
    this.#taken++;
    if (importer !== undefined) this.#importers.add(importer);
    const free = () => {
      this.#taken--;
      if (importer !== undefined) this.#importers.delete(importer);
    };
    if (signal.aborted) free();
    else signal.addEventListener("abort", free, { once: true });
  }
}

const busy = (message: string) => new Problem("rate_limited", message, { headers: { "Retry-After": "10" } });
