import { _HMAC } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Position } from "../db/keyset.ts";
import { Problem } from "./problem.ts";

type Mac = _HMAC<ReturnType<typeof sha256.create>>;

const MAC_BYTES = 32;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Seals positions into cursors, `base64url(payload || HMAC-SHA-256(key, scope, payload))`. The seal is deterministic,
 * and covers the scope (route, filters and order), which the cursor itself does not hold: under another query
 * it does not verify.
 *
 * In JavaScript, as a message this short is sealed before Web Crypto has handed it to a thread.
 */
export class CursorSeal {
  readonly #keyed: Mac;
  /** What has taken in the last scope, as all cursors of a request have the same. */
  #scoped: { scope: string; mac: Mac } | undefined;
  /** What takes in a payload, over and over: to make one anew costs half as much as the MAC. */
  readonly #scratch: Mac;

  /** @param secret at least 32 bytes, the same on every instance */
  constructor(secret: Uint8Array<ArrayBuffer>) {
    this.#keyed = new _HMAC(sha256, secret);
    this.#scratch = this.#keyed.clone();
  }

  seal(scope: string, { direction, side, key, id }: Position): string {
    const payload = encoder.encode(JSON.stringify([direction[0], side[0], key, id]));
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
    // The unused bits of the last character are nobody's to set.
    if (toBase64Url(sealed) !== cursor) throw invalidCursor();
    const [direction, side, key, id] = JSON.parse(decoder.decode(payload));
    return {
      direction: direction === "f" ? "forward" : "backward",
      side: side === "b" ? "before" : "after",
      key,
      id,
    };
  }

  /** The scope is JSON and the payload begins with a bracket: U+0000 between them makes the pair unambiguous. */
  #mac(scope: string, payload: Uint8Array): Uint8Array {
    if (this.#scoped?.scope !== scope) {
      this.#scoped = { scope, mac: this.#keyed.clone().update(encoder.encode(`${scope}\0`)) };
    }
    return this.#scoped.mac._cloneInto(this.#scratch).update(payload).digest();
  }
}

/** In a time that does not tell where they differ. */
function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (let at = 0; at < other.length; at++) difference |= (other[at] ?? 0) ^ (one[at] ?? 0);
  return difference === 0;
}

export function invalidCursor(): Problem {
  return new Problem(
    "invalid_cursor",
    "The cursor was changed, or belongs to a listing with other filters or another sort.",
  );
}

function toBase64Url(bytes: Uint8Array): string {
  const binary = String.fromCharCode.apply(null, bytes as unknown as number[]);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Throws for what is none. */
function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[\w-]+$/.test(text) || text.length % 4 === 1) throw invalidCursor();
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
