import type { Claim } from "../db/idempotency.ts";
import type { Principal } from "./auth/authenticate.ts";
import { Problem } from "./problem.ts";
import type { Route } from "./route.ts";

/** The pattern of an Idempotency-Key, which is taken literally. */
export const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * Reads Idempotency-Key. A key belongs to its principal, and identifies one request: method, path, query and body,
 * byte for byte.
 *
 * @returns undefined without a key
 * @throws Problem `invalid_header`
 */
export async function claimOf(
  { method, headers }: Request,
  { pathname, search }: URL,
  body: Uint8Array<ArrayBuffer>,
  { issuer, subject }: Principal,
  route: Route,
): Promise<Claim | undefined> {
  const key = headers.get("Idempotency-Key");
  if (key === null) return undefined;
  if (!IDEMPOTENCY_KEY.test(key)) {
    throw new Problem("invalid_header", "Idempotency-Key must have 1 to 255 visible ASCII characters.");
  }
  return {
    key: await digest(JSON.stringify([issuer ?? null, subject, key])),
    // Neither a method nor a URL can hold the line feed that ends them.
    fingerprint: await digest(`${method} ${pathname}${search}\n`, body),
    status: Number(Object.keys(route.success)[0]),
    collection: 201 in route.success ? route.path : null,
  };
}

/**
 * The claim of a form. It belongs to what the form does, such as the sale under a receipt's number, and not to whoever sends
 * it: a sale that one clerk sent and another sends again is made once. It never equals a client's key, which is a digest of three
 * texts.
 */
export async function claimUnder(name: string, content: unknown): Promise<Claim> {
  return {
    key: await digest(JSON.stringify(["form", name])),
    fingerprint: await digest(JSON.stringify(content)),
    status: 200,
    collection: null,
  };
}

/**
 * A client that sends a key relies on it, so a POST that would ignore the key rejects it. Other methods have If-Match.
 *
 * @throws Problem `invalid_header`
 */
export function rejectKey(headers: Headers): void {
  if (headers.has("Idempotency-Key")) {
    throw new Problem("invalid_header", "This path does not accept an Idempotency-Key.");
  }
}

/** The SHA-256 of the concatenated parts, in hexadecimal. */
async function digest(...parts: BlobPart[]): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer());
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
