/** `npm run token -- --role editor`: prints a development token, signed with AUTH_SECRET or the secret of this checkout. */
import { parseArgs } from "node:util";
import { SignJWT } from "jose";
import { StartupError } from "../src/startup-error.ts";
import { command } from "./command.ts";
import { authSecret } from "./secret.ts";

const ROLES = ["clerk", "editor", "admin"];
/** A year. Development tokens should not live longer. */
const MAX_HOURS = 8760;
const USAGE = `Usage: npm run token -- --role ${ROLES.join("|")} [--subject NAME] [--hours N]`;

await command(async () => {
  const { role, subject, hours } = options();
  if (!role || !ROLES.includes(role))
    throw new StartupError(`--role must be one of ${ROLES.join(", ")}. ${USAGE}`);
  if (!subject) throw new StartupError(`--subject must not be empty. ${USAGE}`);
  if (!(Number(hours) > 0 && Number(hours) <= MAX_HOURS)) {
    throw new StartupError(`--hours must be a number above 0 and up to ${MAX_HOURS}. ${USAGE}`);
  }
  const { AUTH_ISSUER, AUTH_AUDIENCE } = process.env;
  const token = new SignJWT({ roles: [role] })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime(Math.floor(Date.now() / 1000 + Number(hours) * 3600));
  if (AUTH_ISSUER) token.setIssuer(AUTH_ISSUER);
  if (AUTH_AUDIENCE) token.setAudience(AUTH_AUDIENCE);
  console.log(await token.sign(new TextEncoder().encode(await authSecret())));
});

function options() {
  try {
    return parseArgs({
      options: {
        role: { type: "string" },
        subject: { type: "string", default: "developer" },
        hours: { type: "string", default: "12" },
      },
    }).values;
  } catch (error) {
    throw new StartupError(`${(error as Error).message} ${USAGE}`);
  }
}
