import { SignJWT } from "jose";

/** The secret with which test servers verify tokens. */
export const SECRET = "a secret of the tests, 32 bytes long";

/** A token with a role, valid for an hour. */
export function tokenFor(role: "clerk" | "editor" | "admin", subject = "tester"): Promise<string> {
  return new SignJWT({ roles: [role] })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(subject)
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(SECRET));
}
