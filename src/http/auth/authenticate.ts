import { errors, type JWTHeaderParameters, jwtVerify } from "jose";
import { storable } from "../fields.ts";
import { bearerToken } from "./bearer.ts";
import { type LookupOptions, ProviderKeys } from "./keys.ts";
import { ALGORITHMS, type KeySource } from "./provider.ts";
import { invalidToken, Refusal, refusalOf, requireAudience } from "./refusals.ts";
import { type GrantedRoles, type Role, type RoleRules, rolesOf } from "./roles.ts";

/** How requests authenticate. The configuration fixes the algorithms; a token cannot choose. */
export type Authentication =
  /** Nothing is configured: every request that needs a role is rejected. */
  | { mode: "closed" }
  /** The local development server: everybody is an admin, and Host must be loopback. */
  | { mode: "open" }
  | ({ mode: "hs256"; secret: Uint8Array<ArrayBuffer> } & TokenRules)
  /** An OpenID provider's keys. The issuer is required: some providers sign for many issuers with the same keys. */
  | ({ mode: "jwks" } & KeySource & TokenRules);

/** What a token must say, where configured, and what it gives. */
interface TokenRules extends RoleRules {
  issuer?: string | undefined;
  /** {@link ANY_AUDIENCE} accepts every audience. */
  audience?: string | undefined;
}

export const ANY_AUDIENCE = "any";

/** Who sent a request. */
export interface Principal extends GrantedRoles {
  /** Whether a verified token identifies the sender. */
  verified: boolean;
  issuer: string | undefined;
  subject: string;
  /** How the stock ledger names the sender: the subject, and before it the issuer where tokens may have several. */
  actor: string;
  /** When the token expires, in seconds since the epoch; undefined without a token. */
  expires: number | undefined;
}

const SUFFICIENT_ROLES: Record<Role, readonly Role[]> = {
  clerk: ["clerk", "editor", "admin"],
  editor: ["editor", "admin"],
  admin: ["admin"],
};

/** Seconds by which the clocks of issuer and server may differ. */
export const CLOCK_TOLERANCE = 5;

interface Expected {
  audience: string;
  nonce: string;
}

/** Finds out who sends a request. */
export interface Authenticator {
  /**
   * The principal of a request.
   *
   * @throws Problem `unauthorized` without a valid token, and `service_unavailable` while the identity provider's keys
   *   are unavailable
   */
  authenticate(headers: Headers, lookup: LookupOptions): Promise<Principal>;
  /**
   * The principal that a token stands for.
   *
   * @param expected of an ID token: whom it must be for, and to which request it must belong
   * @throws as above
   */
  verify(token: string, lookup: LookupOptions, expected?: Expected): Promise<Principal>;
}

/** Makes the authentication of every route with a role. */
export function authenticator(authentication: Authentication): Authenticator {
  switch (authentication.mode) {
    case "open": {
      const everybody = async () => EVERYBODY;
      return { authenticate: everybody, verify: everybody };
    }
    case "closed": {
      const reject = async () => {
        throw new Refusal(
          "unauthorized",
          "The server has no authentication configured, so it rejects every request that needs a role.",
        );
      };
      return { authenticate: reject, verify: reject };
    }
    case "hs256": {
      const { secret } = authentication;
      let key: Promise<CryptoKey> | undefined;
      return tokenAuthenticator(authentication, ["HS256"], () => {
        key ??= crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
        return key;
      });
    }
    case "jwks": {
      const keys = new ProviderKeys(authentication);
      const algorithms = authentication.algorithms ?? ALGORITHMS;
      return tokenAuthenticator(authentication, [...algorithms], (header, lookup) =>
        keys.find(header, lookup),
      );
    }
  }
}

/** Who sends requests to a server that does not authenticate. */
const EVERYBODY: Principal = {
  verified: false,
  issuer: undefined,
  subject: "local",
  actor: "local",
  roles: ["admin"],
  lack: undefined,
  expires: undefined,
};

function tokenAuthenticator(
  rules: TokenRules,
  algorithms: string[],
  findKey: (header: JWTHeaderParameters, lookup: LookupOptions) => Promise<CryptoKey>,
): Authenticator {
  const { issuer } = rules;
  const options = {
    algorithms,
    requiredClaims: ["exp", "sub"],
    clockTolerance: CLOCK_TOLERANCE,
    ...(issuer && { issuer }),
  };
  const verify: Authenticator["verify"] = async (token, lookup, expected) => {
    const findKeyOf = (header: JWTHeaderParameters) => findKey(header, lookup);
    const { payload } = await jwtVerify(token, findKeyOf, options).catch((error) => {
      throw error instanceof errors.JOSEError ? refusalOf(error, token, { issuer, algorithms }) : error;
    });
    // jose requires the claim, but accepts an empty one.
    if (typeof payload.sub !== "string" || payload.sub === "") {
      throw invalidToken("The token's subject (sub) is not a text, or is empty.");
    }
    const audience = expected?.audience ?? rules.audience;
    if (audience && audience !== ANY_AUDIENCE) requireAudience(payload, audience);
    if (expected && payload.nonce !== expected.nonce)
      throw invalidToken("The token belongs to another sign-in: its nonce differs.");
    const { iss, sub: subject, exp: expires } = payload;
    const actor = storable(issuer || iss === undefined ? subject : `${iss}#${subject}`);
    return { verified: true, issuer: iss, subject, actor, expires, ...rolesOf(payload, rules) };
  };
  const verified = new VerifiedTokens();
  return {
    verify,
    async authenticate(headers, lookup) {
      const token = bearerToken(headers);
      const known = verified.get(token);
      if (known) return known;
      const principal = await verify(token, lookup);
      verified.add(token, principal);
      return principal;
    },
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

  add(token: string, principal: Principal): void {
    const end = ((principal.expires ?? 0) + CLOCK_TOLERANCE) * 1000;
    this.#principals.delete(token);
    // A Map keeps insertion order.
    for (const [oldest] of this.#principals) {
      if (this.#principals.size < MAX_VERIFIED) break;
      this.#principals.delete(oldest);
    }
    this.#principals.set(token, { principal, until: Math.min(end, Date.now() + TRUST_MS) });
  }
}

/** Whether somebody may do what a role may. */
export const hasRole = (role: Role, { roles }: Pick<Principal, "roles">): boolean =>
  roles.some((held) => SUFFICIENT_ROLES[role].includes(held));

/** @throws Problem `forbidden` */
export function requireRole(role: Role, { roles, lack }: Principal): void {
  if (hasRole(role, { roles })) return;
  const sentence = `This request requires the role ${role}.`;
  throw new Refusal("forbidden", lack ? `${sentence} ${lack}` : sentence, { error: "insufficient_scope" });
}
