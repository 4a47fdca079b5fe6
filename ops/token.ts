/**
 * `npm run token -- --role editor`: prints a development token, signed with AUTH_SECRET or the secret of this checkout. What
 * the token may do goes to stderr, so that a shell can capture the token.
 */
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { type JWTPayload, SignJWT } from "jose";
import * as z from "zod";
import { ConfigError } from "../src/config.ts";
import { ANY_AUDIENCE } from "../src/http/auth/authenticate.ts";
import {
  DEFAULT_POINTER,
  namesIn,
  ROLES,
  type Role,
  type RoleRules,
  rolesOf,
} from "../src/http/auth/roles.ts";
import { AUTH_VARIABLES, usesProvider } from "../src/http/auth/settings.ts";
import { StartupError } from "../src/startup-error.ts";
import { command } from "./command.ts";
import { DATA } from "./data.ts";
import { authSecret } from "./secret.ts";

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };
/** A year. Development tokens should not live longer. */
const MAX_SECONDS = 365 * 86_400;
const USAGE = `Usage: npm run token -- --role ${ROLES.join("|")} [--subject NAME] [--expires 10m] [--claim NAME=VALUE ...]`;

/** What a role may do, for people. */
const ABILITIES: Record<Role, string> = {
  clerk: "change stock, read stock movements, export the catalogue and manage tasks",
  editor: "add, update and delete books, and do what a clerk may do",
  admin: "do everything",
};

await command(async () => {
  if (usesProvider(process.env)) {
    throw new StartupError(
      "AUTH_ISSUER names an identity provider, so the server accepts its tokens only: get one there. This command signs tokens for a server with AUTH_SECRET.",
    );
  }
  const rules = roleRules();
  const claims = claimsOf(options(), rules);
  const token = new SignJWT(claims).setProtectedHeader({ alg: "HS256", typ: "JWT" });
  console.log(await token.sign(new TextEncoder().encode(await authSecret())));
  console.error(summaryOf(claims, rules));
});

function options() {
  try {
    return parseArgs({
      options: {
        role: { type: "string" },
        subject: { type: "string", default: "developer" },
        expires: { type: "string", default: "12h" },
        claim: { type: "string", multiple: true, default: [] },
      },
    }).values;
  } catch (error) {
    throw new StartupError(`${(error as Error).message} ${USAGE}`);
  }
}

/** Where the server looks for roles, by the same variables. */
function roleRules(): RoleRules {
  const { AUTH_ROLES, AUTH_ROLE_MAP } = AUTH_VARIABLES;
  const given = {
    AUTH_ROLES: process.env.AUTH_ROLES || undefined,
    AUTH_ROLE_MAP: process.env.AUTH_ROLE_MAP || undefined,
  };
  const { data, error } = z.object({ AUTH_ROLES, AUTH_ROLE_MAP }).safeParse(given);
  if (error)
    throw new ConfigError(error.issues.map(({ path: [name], message }) => `${String(name)} ${message}`));
  return { rolesAt: data.AUTH_ROLES, roleMap: data.AUTH_ROLE_MAP };
}

function claimsOf(
  { role, subject, expires, claim }: ReturnType<typeof options>,
  rules: RoleRules,
): JWTPayload {
  if (role === undefined ? claim.length === 0 : !isRole(role)) {
    throw new StartupError(`--role must be one of ${ROLES.join(", ")}. ${USAGE}`);
  }
  if (!subject) throw new StartupError(`--subject must not be empty. ${USAGE}`);
  const { AUTH_ISSUER, AUTH_AUDIENCE } = process.env;
  const now = Math.floor(Date.now() / 1000);
  return {
    sub: subject,
    iat: now,
    exp: now + secondsIn(expires),
    ...(AUTH_ISSUER && { iss: AUTH_ISSUER }),
    ...(AUTH_AUDIENCE && AUTH_AUDIENCE !== ANY_AUDIENCE && { aud: AUTH_AUDIENCE }),
    ...(role !== undefined && isRole(role) && roleClaim(role, rules)),
    ...Object.fromEntries(claim.map(claimIn)),
  };
}

function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}

function secondsIn(text: string): number {
  const [, count, unit = ""] = text.match(/^(\d{1,9})([smhd])$/) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? 0);
  if (seconds > 0 && seconds <= MAX_SECONDS) return seconds;
  throw new StartupError(`--expires must be a time such as 30s, 10m, 12h or 7d, of a year at most. ${USAGE}`);
}

/** The claim that gives a role on this server. */
function roleClaim(role: Role, { rolesAt = DEFAULT_POINTER, roleMap }: RoleRules): JWTPayload {
  const value = roleMap ? roleMap.find(([, given]) => given === role)?.[0] : role;
  if (value === undefined) throw new StartupError(`AUTH_ROLE_MAP has no value for the role ${role}.`);
  const claim: unknown = rolesAt === "/sub" ? value : [value];
  return namesIn(rolesAt).reduceRight((inner, name) => ({ [name]: inner }), claim) as JWTPayload;
}

/** `name=value`. The value is JSON or, if it is none, a text. */
function claimIn(text: string): [string, unknown] {
  const [, name, value = ""] = text.match(/^([^=]+)=(.*)$/s) ?? [];
  if (name === undefined) throw new StartupError(`--claim must have the form NAME=VALUE. ${USAGE}`);
  try {
    return [name, JSON.parse(value)];
  } catch {
    return [name, value];
  }
}

function summaryOf(claims: JWTPayload, rules: RoleRules): string {
  const file = relative(process.cwd(), join(DATA, "auth-secret"));
  const secret = process.env.AUTH_SECRET ? "AUTH_SECRET" : `the secret of this checkout, ${file}`;
  const { roles, lack } = rolesOf(claims, rules);
  const expiry =
    typeof claims.exp === "number" ? new Date(claims.exp * 1000).toISOString() : "an invalid time";
  const abilities = roles.map((role) => `As ${role} it may ${ABILITIES[role]}.`);
  return [
    `This token is signed with ${secret}, and expires at ${expiry}.`,
    ...(lack ? [`It has no role, and may only do what is public. ${lack}`] : abilities),
  ].join("\n");
}
