/** ISBNs of nine digits after one of two prefixes: a number below 2^31, from 1. */
const numberOf = (isbn: string) =>
  (isbn.startsWith("979") ? 1_000_000_000 : 0) + Number(isbn.slice(3, 12)) + 1;

const FIRST_SLOTS = 1 << 12;
/** 32 MiB. */
const MAX_SLOTS = 1 << 23;

/** The ISBNs that a file had so far, in 8 to 16 bytes each. It knows the first four million. */
export class IsbnSet {
  #slots = new Uint32Array(FIRST_SLOTS);
  #size = 0;

  /** @returns whether it was there */
  add(isbn: string): boolean {
    const number = numberOf(isbn);
    const slot = slotOf(this.#slots, number);
    if (this.#slots[slot] === number) return true;
    if (2 * this.#size >= this.#slots.length && !this.#grow()) return false;
    this.#slots[slotOf(this.#slots, number)] = number;
    this.#size++;
    return false;
  }

  #grow(): boolean {
    if (this.#slots.length === MAX_SLOTS) return false;
    const larger = new Uint32Array(2 * this.#slots.length);
    for (const number of this.#slots) if (number !== 0) larger[slotOf(larger, number)] = number;
    this.#slots = larger;
    return true;
  }
}

/** The slot of a number, or the empty one where it belongs. Their count is a power of two, and half of them are empty. */
function slotOf(slots: Uint32Array, number: number): number {
  const mask = slots.length - 1;
  let slot = (Math.imul(number, 0x9e3779b1) >>> 8) & mask;
  while (slots[slot] !== 0 && slots[slot] !== number) slot = (slot + 1) & mask;
  return slot;
}
