import type { ListingPosition } from "../db/keyset.ts";
import { Problem } from "./problem.ts";
import { Seal } from "./seal.ts";

/** Seals positions into cursors. The scope is the listing: its path, filters and order, which the cursor does not hold. */
export class CursorSeal {
  readonly #seal: Seal;

  /** @param secret at least 32 bytes, the same on every instance */
  constructor(secret: Uint8Array) {
    this.#seal = new Seal(secret);
  }

  seal(scope: string, { direction, side, key, id, state }: ListingPosition): string {
    const members = [direction[0], side[0], key, id, ...(state === undefined ? [] : [state])];
    return this.#seal.seal(scope, JSON.stringify(members));
  }

  /** @throws Problem `invalid_cursor` for every text but the one that `seal` made for this scope */
  open(scope: string, cursor: string): ListingPosition {
    const text = this.#seal.open(scope, cursor);
    if (text === undefined) throw invalidCursor();
    const [direction, side, key, id, state] = JSON.parse(text);
    return {
      direction: direction === "f" ? "forward" : "backward",
      side: side === "b" ? "before" : "after",
      key,
      id,
      ...(state !== undefined && { state }),
    };
  }
}

export function invalidCursor(): Problem {
  return new Problem(
    "invalid_cursor",
    "The cursor was altered, or it belongs to a listing with different filters or a different order.",
  );
}
