/**
 * Properties that hold for any input. Unit tests try some hundreds of inputs; `npm run test:fuzz` tries 100,000. A failure
 * tells its seed, and `SEED=… npm run test:fuzz -- FILE` repeats it.
 */
import * as fc from "fast-check";

const { SEED, FUZZ_RUNS } = process.env;

interface Cost {
  /** The fraction of the inputs that `npm test` tries, where each takes long. */
  share?: number;
  /** How many inputs one run has. */
  inputs?: number;
}

export const parameters = ({ share = 1, inputs = 1 }: Cost = {}): fc.Parameters<unknown> => ({
  numRuns: Math.ceil((FUZZ_RUNS === undefined ? 200 * share : Number(FUZZ_RUNS)) / inputs),
  ...(SEED !== undefined && { seed: Number(SEED) }),
});

export const holds = <T>(property: fc.IProperty<T>, cost?: Cost): void =>
  fc.assert(property, parameters(cost) as fc.Parameters<T>);

export const holdsLater = <T>(property: fc.IAsyncProperty<T>, cost?: Cost): Promise<void> =>
  fc.assert(property, parameters(cost) as fc.Parameters<T>);

/** Text of any characters that JSON and Postgres can hold, but for U+0000. */
export const anyText = (maxLength = 40): fc.Arbitrary<string> =>
  fc.string({ unit: "binary", maxLength }).map((text) => text.replaceAll("\0", ""));

/** Text that is made of these parts, and so more often nearly right than any text is. */
export const madeOf = (parts: readonly string[], maxLength = 12): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...parts), { maxLength }).map((chosen) => chosen.join(""));
