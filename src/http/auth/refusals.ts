/** Why a token is rejected: told to its sender in plain words, and to the operator with the values that differ. */
import { decodeJwt, errors, type JWTPayload } from "jose";
import { Problem } from "../problem.ts";

/** A 401 or 403. */
export class Refusal extends Problem {
  /** The reason for the log. It can quote the configuration and single claims, which the message never does. */
  readonly reason: string;

  /** @param error the code of RFC 6750, section 3.1; undefined if the request has no token */
  constructor(
    code: "unauthorized" | "forbidden",
    message: string,
    { error, reason = message }: { error?: "invalid_token" | "insufficient_scope"; reason?: string } = {},
  ) {
    const attributes = error ? `, error="${error}", error_description="${describe(message)}"` : "";
    super(code, message, { headers: { "WWW-Authenticate": `Bearer realm="octavo"${attributes}` } });
    this.reason = reason;
  }
}

/** RFC 6750 allows printable ASCII without quotes and backslashes. */
const describe = (message: string) => message.replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "?");

export const invalidToken = (message: string, reason?: string): Refusal =>
  new Refusal("unauthorized", message, { error: "invalid_token", ...(reason && { reason }) });

/** What a token was compared with. */
interface Expected {
  issuer?: string | undefined;
  algorithms: readonly string[];
}

/** The refusal of a token that does not verify. */
export function refusalOf(error: errors.JOSEError, token: string, expected: Expected): Refusal {
  if (error instanceof errors.JWTExpired) return invalidToken("The token has expired.");
  if (error instanceof errors.JWTClaimValidationFailed) return claimRefusal(error, expected);
  if (error instanceof errors.JOSEAlgNotAllowed) {
    const accepted = expected.algorithms.join(", ");
    return invalidToken(`The token's algorithm (alg) is not one that this server accepts: ${accepted}.`);
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return invalidToken("The token's signature does not match: another key has signed it.");
  }
  if (error instanceof errors.JWKSNoMatchingKey) {
    return (
      strangerRefusal(token, expected) ??
      invalidToken("No key of the identity provider fits the token's key id (kid) and algorithm (alg).")
    );
  }
  if (error instanceof errors.JWKSMultipleMatchingKeys) {
    return invalidToken("Several keys of the identity provider fit the token: it needs a key id (kid).");
  }
  return invalidToken("The token is not a valid JSON Web Token with a signature.");
}

/** A token of another issuer usually has another key, too. Its claims are not verified, so they can only explain. */
function strangerRefusal(token: string, { issuer }: Expected): Refusal | undefined {
  try {
    const { iss } = decodeJwt(token);
    return issuer === undefined || iss === issuer ? undefined : issuerRefusal(iss, issuer);
  } catch {
    return undefined;
  }
}

function claimRefusal(
  { claim, reason, payload }: errors.JWTClaimValidationFailed,
  { issuer = "" }: Expected,
): Refusal {
  if (claim === "iss") return issuerRefusal(payload.iss, issuer);
  if (claim === "nbf" && reason === "check_failed") return invalidToken("The token is not valid yet (nbf).");
  if (reason === "missing") {
    return invalidToken(`The token has no ${claim === "exp" ? "time of expiry" : "subject"} (${claim}).`);
  }
  return invalidToken(`The token's ${claim} is not a number of seconds.`);
}

function issuerRefusal(given: unknown, issuer: string): Refusal {
  const details = ` The token names ${quoted(given)}, and AUTH_ISSUER is ${quoted(issuer)}.`;
  const bare = (url: string) => url.replace(/\/$/, "");
  const message =
    typeof given === "string" && bare(given) === bare(issuer)
      ? "The token's issuer (iss) differs from the one that this server accepts by a slash at the end."
      : "The token's issuer (iss) is not the one that this server accepts.";
  return invalidToken(message, message + details);
}

/** Providers that leave out `aud` name the client that the token was issued to. @throws Refusal */
export function requireAudience(claims: JWTPayload, audience: string): void {
  const { aud, client_id: clientId, azp } = claims;
  const given = aud === undefined ? [clientId, azp] : Array.isArray(aud) ? aud : [aud];
  if (given.includes(audience)) return;
  const message = given.every((name) => name === undefined)
    ? "The token has no audience (aud, client_id or azp), and this server requires one."
    : "The token's audience (aud, or without it client_id or azp) is not this server.";
  throw invalidToken(
    message,
    `${message} The token names ${quoted(given)}, and AUTH_AUDIENCE is ${quoted(audience)}.`,
  );
}

const MAX_QUOTED = 200;

/** A value for the log, on one line and not too long. */
function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…`.toWellFormed() : text;
}
