import { errors, type JWTHeaderParameters, jwtVerify } from "jose";
import { type Patience, ProviderKeys } from "./jwks.ts";
import { Problem } from "./problem.ts";
import type { Role } from "./route.ts";

/** How requests prove who they are: fixed by the configuration, never by what a token claims. */
export type Authentication =
  /** Nothing is configured: whatever needs a role is refused. */
  | { mode: "closed" }
  /** The local development server: everybody is an admin, and only loopback names are answered. */
  | { mode: "open" }
  | ({ mode: "hs256"; secret: Uint8Array<ArrayBuffer> } & Claimed)
  /** An OpenID provider's keys. Its issuer is required: some providers sign for many issuers with the same keys. */
  | ({ mode: "jwks"; url: string; issuer: string } & Claimed);

/** What tokens must claim, where it is configured. */
interface Claimed {
  issuer?: string | undefined;
  audience?: string | undefined;
}

/** Who asks. */
export interface Caller {
  /** Whether a token says so. */
  verified: boolean;
  issuer: string | undefined;
  subject: string;
  roles: readonly string[];
}

const ROLES_THAT_MAY: Record<Exclude<Role, "public">, readonly string[]> = {
  clerk: ["clerk", "editor", "admin"],
  editor: ["editor", "admin"],
  admin: ["admin"],
};

/** Seconds by which the clocks of whoever signs and of this server may differ. */
const CLOCK_TOLERANCE = 5;

/** Tells who asks, or throws. */
export type Authenticate = (headers: Headers, patience: Patience) => Promise<Caller>;

/**
 * Makes the check that stands before every route with a role.
 *
 * @returns a check that throws Problem `unauthorized` without a good token, and `service_unavailable` where the
 *   identity provider's keys cannot be had
 */
export function authenticator(authentication: Authentication): Authenticate {
  switch (authentication.mode) {
    case "open": {
      const everybody = { verified: false, issuer: undefined, subject: "local", roles: ["admin"] };
      return async () => everybody;
    }
    case "closed":
      return async () => {
        throw unauthorized("Nobody may do this here: the server has no authentication configured.");
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
      return tokenVerifier(authentication, algorithms, (header, patience) => keys.find(header, patience));
    }
  }
}

function tokenVerifier(
  { issuer, audience }: Claimed,
  algorithms: string[],
  findKey: (header: JWTHeaderParameters, patience: Patience) => Promise<CryptoKey>,
): Authenticate {
  const options = {
    algorithms,
    requiredClaims: ["exp", "sub"],
    clockTolerance: CLOCK_TOLERANCE,
    ...(issuer && { issuer }),
    ...(audience && { audience }),
  };
  const trusted = new Trusted();
  return async (headers, patience) => {
    const token = bearerToken(headers);
    const known = trusted.get(token);
    if (known) return known;
    try {
      const { payload } = await jwtVerify(
        token,
        (header: JWTHeaderParameters) => findKey(header, patience),
        options,
      );
      // jose demands that there is a claim, not that it is a name.
      if (typeof payload.sub !== "string" || payload.sub === "")
        throw unauthorized("The token names nobody.", true);
      const { iss: issuer, sub: subject, roles, exp = 0 } = payload;
      const caller = { verified: true, issuer, subject, roles: rolesOf(roles) };
      trusted.add(token, caller, (exp + CLOCK_TOLERANCE) * 1000);
      return caller;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw unauthorized("The token has expired.", true);
      if (error instanceof errors.JOSEError) throw unauthorized("The token does not verify.", true);
      throw error;
    }
  };
}

/** For how long a token that was verified need not be verified again, in milliseconds. */
const TRUST_MS = 60_000;
const MAX_TRUSTED = 1000;

/** Callers by tokens that were verified a moment ago, as clients send the same one with every request. */
class Trusted {
  readonly #callers = new Map<string, { caller: Caller; until: number }>();

  get(token: string): Caller | undefined {
    const known = this.#callers.get(token);
    return known && Date.now() < known.until ? known.caller : undefined;
  }

  /** @param end when the token itself ends, in milliseconds since the epoch */
  add(token: string, caller: Caller, end: number): void {
    this.#callers.delete(token);
    // A Map keeps its entries in the order in which they came.
    for (const [oldest] of this.#callers) {
      if (this.#callers.size < MAX_TRUSTED) break;
      this.#callers.delete(oldest);
    }
    this.#callers.set(token, { caller, until: Math.min(end, Date.now() + TRUST_MS) });
  }
}

/** @throws Problem `forbidden` */
export function requireRole(role: Exclude<Role, "public">, { roles }: Caller): void {
  if (roles.some((held) => ROLES_THAT_MAY[role].includes(held))) return;
  throw new Problem("forbidden", `This needs the role ${role}.`, {
    headers: { "WWW-Authenticate": 'Bearer realm="octavo", error="insufficient_scope"' },
  });
}

function bearerToken(headers: Headers): string {
  const [, token] = headers.get("Authorization")?.match(/^Bearer +([\w.~+/-]+=*) *$/i) ?? [];
  if (!token) throw unauthorized("This needs a token: Authorization: Bearer <token>.");
  return token;
}

/** A claim that is no array of strings gives no role at all. */
function rolesOf(claim: unknown): string[] {
  return Array.isArray(claim) && claim.every((role) => typeof role === "string") ? claim : [];
}

function unauthorized(message: string, badToken = false): Problem {
  const challenge = badToken ? 'Bearer realm="octavo", error="invalid_token"' : 'Bearer realm="octavo"';
  return new Problem("unauthorized", message, { headers: { "WWW-Authenticate": challenge } });
}
