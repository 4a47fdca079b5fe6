import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";

const MAC_BYTES = 32;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Seals texts that clients keep for the server: `base64url(text || HMAC-SHA-256(key, scope, text))`. The seal is
 * deterministic and covers a scope that the sealed text does not hold: it does not open under another one. The MAC is
 * computed in JavaScript: for so short a message Web Crypto takes longer to reach its thread.
 */
export class Seal {
  readonly #secret: Uint8Array;
  /** The MAC of the last scope, to go on from: the cursors of a request share it. That takes 2.6 µs instead of 4.3. */
  #scoped: { scope: string; mac: ReturnType<typeof hmac.create> } | undefined;

  /** @param secret at least 32 bytes, the same on every instance */
  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  /** @param text well-formed, and not beginning with U+0000 */
  seal(scope: string, text: string): string {
    const payload = encoder.encode(text);
    const sealed = new Uint8Array(payload.length + MAC_BYTES);
    sealed.set(payload);
    sealed.set(this.#mac(scope, payload), payload.length);
    return toBase64Url(sealed);
  }

  /** The text that was sealed; undefined for everything but what {@link seal} made for this scope. */
  open(scope: string, given: string): string | undefined {
    const sealed = fromBase64Url(given);
    if (!sealed) return undefined;
    const payload = sealed.subarray(0, -MAC_BYTES);
    if (!areEqual(sealed.subarray(-MAC_BYTES), this.#mac(scope, payload))) return undefined;
    // The last character has unused bits, which must be as we wrote them.
    return toBase64Url(sealed) === given ? decoder.decode(payload) : undefined;
  }

  /** U+0000 between scope and text makes the pair unambiguous. */
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

function toBase64Url(bytes: Uint8Array): string {
  const binary = String.fromCharCode.apply(null, bytes as unknown as number[]);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]+$/.test(text) || text.length % 4 === 1) return undefined;
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
