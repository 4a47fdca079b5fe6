import { Problem } from "../http/problem.ts";

/** How many imports and exports a process serves at a time. The rest of its connections are for other requests. */
const SLOTS = 2;

/** Limits the streams of a process. */
export class StreamSlots {
  #taken = 0;

  /**
   * Takes a slot until the signal aborts.
   *
   * @throws Problem `rate_limited`
   */
  take(signal: AbortSignal): void {
    if (this.#taken >= SLOTS) {
      const message = `This server imports and exports ${SLOTS} catalogues at a time. Try again later.`;
      throw new Problem("rate_limited", message, { headers: { "Retry-After": "10" } });
    }
    this.#taken++;
    const free = () => {
      this.#taken--;
    };
    if (signal.aborted) free();
    else signal.addEventListener("abort", free, { once: true });
  }
}
