import { errors, type JWTHeaderParameters, jwtVerify } from "jose";
import { type LookupOptions, ProviderKeys } from "./jwks.ts";
import { Problem } from "./problem.ts";
import type { Role } from "./route.ts";

/** How requests authenticate. The configuration fixes the algorithms; a token cannot choose. */
export type Authentication =
  /** Nothing is configured: every request that needs a role is rejected. */
  | { mode: "closed" }
  /** The local development server: everybody is an admin, and Host must be loopback. */
  | { mode: "open" }
  | ({ mode: "hs256"; secret: Uint8Array<ArrayBuffer> } & RequiredClaims)
  /** An OpenID provider's keys. The issuer is required: some providers sign for many issuers with the same keys. */
  | ({ mode: "jwks"; url: string; issuer: string } & RequiredClaims);

/** The claims that tokens must have, where configured. */
interface RequiredClaims {
  issuer?: string | undefined;
  audience?: string | undefined;
}

/** Who sent a request. */
export interface Principal {
  /** Whether a verified token identifies the sender. */
  verified: boolean;
  issuer: string | undefined;
  subject: string;
  roles: readonly string[];
}

const SUFFICIENT_ROLES: Record<Exclude<Role, "public">, readonly string[]> = {
  clerk: ["clerk", "editor", "admin"],
  editor: ["editor", "admin"],
  admin: ["admin"],
};

/** Seconds by which the clocks of issuer and server may differ. */
const CLOCK_TOLERANCE = 5;

/** Returns the principal of a request, or throws. */
export type Authenticate = (headers: Headers, lookup: LookupOptions) => Promise<Principal>;

/**
 * Makes the authentication of every route with a role.
 *
 * @returns a function that throws Problem `unauthorized` without a valid token, and `service_unavailable` while the
 *   identity provider's keys are unavailable
 */
export function authenticator(authentication: Authentication): Authenticate {
  switch (authentication.mode) {
    case "open": {
      const everybody = { verified: false, issuer: undefined, subject: "local", roles: ["admin"] };
      return async () => everybody;
    }
    case "closed":
      return async () => {
        throw unauthorized(
          "The server has no authentication configured, so it rejects every request that needs a role.",
        );
      };
    case "hs256": {
      const { secret } = authentication;
      let key: Promise<CryptoKey> | undefined;
      return tokenVerifier(authentication, ["HS256"], () => {
        key ??= crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
        return key;
      });
    }
    case "jwks": {
      const keys = new ProviderKeys(authentication.url);
      const algorithms = ["RS256", "ES256", "EdDSA"];
      return tokenVerifier(authentication, algorithms, (header, lookup) => keys.find(header, lookup));
    }
  }
}

function tokenVerifier(
  { issuer, audience }: RequiredClaims,
  algorithms: string[],
  findKey: (header: JWTHeaderParameters, lookup: LookupOptions) => Promise<CryptoKey>,
): Authenticate {
  const options = {
    algorithms,
    requiredClaims: ["exp", "sub"],
    clockTolerance: CLOCK_TOLERANCE,
    ...(issuer && { issuer }),
    ...(audience && { audience }),
  };
  const verified = new VerifiedTokens();
  return async (headers, lookup) => {
    const token = bearerToken(headers);
    const known = verified.get(token);
    if (known) return known;
    try {
      const findKeyOf = (header: JWTHeaderParameters) => findKey(header, lookup);
      const { payload } = await jwtVerify(token, findKeyOf, options);
      // jose requires the claim, but accepts an empty one.
      if (typeof payload.sub !== "string" || payload.sub === "")
        throw unauthorized("The token has no subject.", true);
      const { iss: issuer, sub: subject, roles, exp = 0 } = payload;
      const principal = { verified: true, issuer, subject, roles: rolesOf(roles) };
      verified.add(token, principal, (exp + CLOCK_TOLERANCE) * 1000);
      return principal;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw unauthorized("The token has expired.", true);
      if (error instanceof errors.JOSEError) throw unauthorized("The token is invalid.", true);
      throw error;
    }
  };
}

/** Milliseconds for which a verified token is not verified again. */
const TRUST_MS = 60_000;
const MAX_VERIFIED = 1000;

/** The principals of recently verified tokens: clients send the same token with every request. */
class VerifiedTokens {
  readonly #principals = new Map<string, { principal: Principal; until: number }>();

  get(token: string): Principal | undefined {
    const known = this.#principals.get(token);
    return known && Date.now() < known.until ? known.principal : undefined;
  }

  /** @param end when the token expires, in milliseconds since the epoch */
  add(token: string, principal: Principal, end: number): void {
    this.#principals.delete(token);
    // A Map keeps insertion order.
    for (const [oldest] of this.#principals) {
      if (this.#principals.size < MAX_VERIFIED) break;
      this.#principals.delete(oldest);
    }
    this.#principals.set(token, { principal, until: Math.min(end, Date.now() + TRUST_MS) });
  }
}

/** @throws Problem `forbidden` */
export function requireRole(role: Exclude<Role, "public">, { roles }: Principal): void {
  if (roles.some((held) => SUFFICIENT_ROLES[role].includes(held))) return;
  throw new Problem("forbidden", `This request requires the role ${role}.`, {
    headers: { "WWW-Authenticate": 'Bearer realm="octavo", error="insufficient_scope"' },
  });
}

function bearerToken(headers: Headers): string {
  const [, token] = headers.get("Authorization")?.match(/^Bearer +([\w.~+/-]+=*) *$/i) ?? [];
  if (!token) throw unauthorized("This request requires a token: Authorization: Bearer <token>.");
  return token;
}

/** A claim that is not an array of strings gives no roles. */
function rolesOf(claim: unknown): string[] {
  return Array.isArray(claim) && claim.every((role) => typeof role === "string") ? claim : [];
}

function unauthorized(message: string, badToken = false): Problem {
  const challenge = badToken ? 'Bearer realm="octavo", error="invalid_token"' : 'Bearer realm="octavo"';
  return new Problem("unauthorized", message, { headers: { "WWW-Authenticate": challenge } });
}
