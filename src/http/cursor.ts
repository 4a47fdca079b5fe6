import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Position } from "../db/keyset.ts";
import { Problem } from "./problem.ts";

const MAC_BYTES = 32;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Seals positions into cursors, `base64url(payload || HMAC-SHA-256(key, scope, payload))`. The seal is deterministic and
 * covers the scope (route, filters and order), which the cursor itself does not hold: a cursor does not verify under
 * another query. The MAC is computed in JavaScript: for so short a message Web Crypto takes longer to reach its thread.
 */
export class CursorSeal {
  readonly #secret: Uint8Array;
  /** The MAC of the last scope, to go on from: the cursors of a request share it. That takes 2.6 µs instead of 4.3. */
  #scoped: { scope: string; mac: ReturnType<typeof hmac.create> } | undefined;

  /** @param secret at least 32 bytes, the same on every instance */
  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  seal(scope: string, { direction, side, key, id, state }: Position): string {
    const members = [direction[0], side[0], key, id, ...(state === undefined ? [] : [state])];
    const payload = encoder.encode(JSON.stringify(members));
    const sealed = new Uint8Array(payload.length + MAC_BYTES);
    sealed.set(payload);
    sealed.set(this.#mac(scope, payload), payload.length);
    return toBase64Url(sealed);
  }

  /** @throws Problem `invalid_cursor` for every text but the one that `seal` made for this scope */
  open(scope: string, cursor: string): Position {
    const sealed = fromBase64Url(cursor);
    const payload = sealed.subarray(0, -MAC_BYTES);
    if (!areEqual(sealed.subarray(-MAC_BYTES), this.#mac(scope, payload))) throw invalidCursor();
    // The last character has unused bits, which must be as we wrote them.
    if (toBase64Url(sealed) !== cursor) throw invalidCursor();
    const [direction, side, key, id, state] = JSON.parse(decoder.decode(payload));
    return {
      direction: direction === "f" ? "forward" : "backward",
      side: side === "b" ? "before" : "after",
      key,
      id,
      ...(state !== undefined && { state }),
    };
  }

  /** The scope is JSON and the payload begins with a bracket, so U+0000 between them makes the pair unambiguous. */
  #mac(scope: string, payload: Uint8Array): Uint8Array {
    if (this.#scoped?.scope !== scope) {
      const mac = hmac.create(sha256, this.#secret).update(encoder.encode(`${scope}\0`));
      this.#scoped = { scope, mac };
    }
    return this.#scoped.mac.clone().update(payload).digest();
  }
}

/** Compares in constant time. */
function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (let at = 0; at < other.length; at++) difference |= (other[at] ?? 0) ^ (one[at] ?? 0);
  return difference === 0;
}

export function invalidCursor(): Problem {
  return new Problem(
    "invalid_cursor",
    "The cursor was altered, or it belongs to a listing with different filters or a different order.",
  );
}

function toBase64Url(bytes: Uint8Array): string {
  const binary = String.fromCharCode.apply(null, bytes as unknown as number[]);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @throws Problem `invalid_cursor` */
function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[\w-]+$/.test(text) || text.length % 4 === 1) throw invalidCursor();
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
