/** The command line of `npm run bench:scale`. */
import { parseArgs } from "node:util";
import { StartupError } from "../../src/startup-error.ts";

/** Fewer books than the writes of a measurement add would not be what is measured. */
const FEWEST = 10_000;

/**
 * The sizes of the catalogues to measure.
 *
 * @throws StartupError with the usage
 */
export function parseSizes(args: string[]): number[] {
  try {
    const { values } = parseArgs({
      args,
      options: { books: { type: "string", default: "10000,100000,1000000" } },
    });
    const sizes = values.books.split(",").map(Number);
    const isGood = sizes.every((books) => Number.isInteger(books) && books >= FEWEST);
    if (isGood && new Set(sizes).size === sizes.length) return sizes;
  } catch {
    // Falls through to the usage.
  }
  throw new StartupError(
    `Usage: npm run bench:scale -- [--books 10000,100000,1000000], different sizes of ${FEWEST} books or more`,
  );
}
