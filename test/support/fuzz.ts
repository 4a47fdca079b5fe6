/**
 * Properties that hold for any input. Unit tests try some hundreds of inputs; `npm run test:fuzz` tries 100,000. A failure
 * tells its seed, and `SEED=… npm run test:fuzz -- FILE` repeats it.
 */
import * as fc from "fast-check";

const RUNS = Number(process.env.FUZZ_RUNS ?? 200);
const { SEED } = process.env;

/** @param share the fraction of the inputs to try, for properties that take long for each */
export const parameters = (share = 1): fc.Parameters<unknown> => ({
  numRuns: Math.ceil(RUNS * share),
  ...(SEED !== undefined && { seed: Number(SEED) }),
});

export const holds = <T>(property: fc.IProperty<T>, share?: number): void =>
  fc.assert(property, parameters(share) as fc.Parameters<T>);

export const holdsLater = <T>(property: fc.IAsyncProperty<T>, share?: number): Promise<void> =>
  fc.assert(property, parameters(share) as fc.Parameters<T>);

/** Text of any characters that JSON and Postgres can hold, but for U+0000. */
export const anyText = (maxLength = 40): fc.Arbitrary<string> =>
  fc.string({ unit: "binary", maxLength }).map((text) => text.replaceAll("\0", ""));

/** Text that is made of these parts, and so more often nearly right than any text is. */
export const madeOf = (parts: readonly string[], maxLength = 12): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...parts), { maxLength }).map((chosen) => chosen.join(""));
