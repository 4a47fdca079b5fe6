/** Connections that break at random, for tests of what happens once. */
import { randomInt } from "node:crypto";
import type { Socket } from "node:net";
import fc from "fast-check";
import type { Link } from "./proxy.ts";

/** The seed of the random breaks: `SEED=… npm test -- sale` repeats a run. */
export const SEED = Number(process.env.SEED ?? randomInt(2 ** 31));

/** The most connections that can break. */
const MAX_BREAKS = 10_000;

/** Breaks a connection after so many bytes in one direction. */
interface Break {
  there?: number;
  back?: number;
  reset: boolean;
}

/** Breaks within the first bytes of either direction. */
export const within = (bytes: { there: number; back: number }): fc.Arbitrary<Break> =>
  fc.oneof(
    fc.record({ there: fc.nat(bytes.there), reset: fc.boolean() }),
    fc.record({ back: fc.nat(bytes.back), reset: fc.boolean() }),
  );

/** Connections that break at random once the storm begins. */
export class Network {
  storm = false;
  broken = 0;
  readonly #breaks: (Break | undefined)[];

  constructor(breaks: fc.Arbitrary<Break | undefined>) {
    this.#breaks = fc.sample(breaks, { seed: SEED, numRuns: MAX_BREAKS });
  }

  readonly join = ({ near, far, cut }: Link): void => {
    const drawn = this.storm ? this.#breaks.pop() : undefined;
    const end = () => {
      this.broken++;
      for (const socket of [near, far]) {
        socket.removeAllListeners("data");
        if (drawn?.reset) socket.resetAndDestroy();
      }
      cut();
    };
    pass(near, far, drawn?.there, end);
    pass(far, near, drawn?.back, end);
  };
}

/** Forwards data up to a number of bytes. */
function pass(from: Socket, to: Socket, bytes = Number.POSITIVE_INFINITY, end: () => void): void {
  let left = bytes;
  from.on("data", (data) => {
    to.write(data.subarray(0, left));
    left -= data.length;
    if (left < 0) end();
  });
}
