import type { Position } from "../db/keyset.ts";
import { Problem } from "./problem.ts";

const MAC_BYTES = 32;
const encoder = new TextEncoder();

/**
 * Seals positions into cursors, `base64url(payload || HMAC-SHA-256(key, scope, payload))`. The seal is deterministic,
 * and covers the scope (route, filters and order), which the cursor itself does not hold: under another query
 * it does not verify.
 */
export class CursorSeal {
  readonly #secret: Uint8Array<ArrayBuffer>;
  #key: Promise<CryptoKey> | undefined;

  /** @param secret at least 32 bytes, the same on every instance */
  constructor(secret: Uint8Array<ArrayBuffer>) {
    this.#secret = secret;
  }

  async seal(scope: string, { direction, side, key, id }: Position): Promise<string> {
    const payload = encoder.encode(JSON.stringify([direction[0], side[0], key, id]));
    const sealed = new Uint8Array(payload.length + MAC_BYTES);
    sealed.set(payload);
    sealed.set(
      new Uint8Array(await crypto.subtle.sign("HMAC", await this.#hmac(), signed(scope, payload))),
      payload.length,
    );
    return toBase64Url(sealed);
  }

  /** @throws Problem `invalid_cursor` for every text but the one that `seal` made for this scope */
  async open(scope: string, cursor: string): Promise<Position> {
    const sealed = fromBase64Url(cursor);
    const payload = sealed?.subarray(0, -MAC_BYTES);
    const mac = sealed?.subarray(-MAC_BYTES);
    if (
      !payload ||
      !mac ||
      !(await crypto.subtle.verify("HMAC", await this.#hmac(), mac, signed(scope, payload)))
    ) {
      throw invalidCursor();
    }
    const [direction, side, key, id] = JSON.parse(new TextDecoder().decode(payload));
    return {
      direction: direction === "f" ? "forward" : "backward",
      side: side === "b" ? "before" : "after",
      key,
      id,
    };
  }

  #hmac(): Promise<CryptoKey> {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    this.#key ??= crypto.subtle.importKey("raw", this.#secret, algorithm, false, ["sign", "verify"]);
    return this.#key;
  }
}

export function invalidCursor(): Problem {
  return new Problem(
    "invalid_cursor",
    "The cursor was changed, or belongs to a listing with other filters or another sort.",
  );
}

/** The scope is JSON and the payload begins with a bracket: U+0000 between them makes the pair unambiguous. */
function signed(scope: string, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = encoder.encode(`${scope}\0`);
  const message = new Uint8Array(head.length + payload.length);
  message.set(head);
  message.set(payload, head.length);
  return message;
}

function toBase64Url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Undefined for what `toBase64Url` does not write, unused bits in the last character included. */
function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]+$/.test(text) || text.length % 4 === 1) return undefined;
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  return toBase64Url(bytes) === text ? bytes : undefined;
}
