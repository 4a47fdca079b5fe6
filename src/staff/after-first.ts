/** Forms that are sent twice at once, by a double click: a browser shows what the second click got. */
import { InProgressFault } from "../db/idempotency.ts";

/** How long the second click waits for the first, in milliseconds. */
const WAITS = [50, 100, 200, 400, 800];

/**
 * Makes a write under a claim, after the first request with the claim if that is still at it.
 *
 * @throws InProgressFault if the first takes too long, and the faults of the write
 */
export async function afterFirst<Outcome>(write: () => Promise<Outcome>): Promise<Outcome> {
  for (const wait of WAITS) {
    try {
      return await write();
    } catch (fault) {
      if (!(fault instanceof InProgressFault)) throw fault;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
  return write();
}
