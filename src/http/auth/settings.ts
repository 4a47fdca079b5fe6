/** The variables that say who may do what, except the secret. */
import * as z from "zod";
import { ANY_AUDIENCE, type Authentication } from "./authenticate.ts";
import { ALGORITHMS, type Algorithm, isProviderUrl } from "./provider.ts";
import { ROLES, type Role, type RoleMapping } from "./roles.ts";

/** Items separated by commas or white space; double quotes keep what they enclose together. */
const ITEM = /(?:"[^"]*"|[^\s,"])+/g;
const itemsIn = (text: string): string[] => text.match(ITEM) ?? [];
const isList = (text: string) => itemsIn(text).length > 0 && /^[\s,]*$/.test(text.replaceAll(ITEM, ""));

/** A value may contain `=`, but no role does. */
const MAPPING = new RegExp(`^(?:"([^"]+)"|([^\\s",]+))=(${ROLES.join("|")})$`);

const roleMap = z
  .string()
  .refine(
    (text) => isList(text) && itemsIn(text).every((item) => MAPPING.test(item)),
    `must be pairs of a value and a role, such as shop-staff=clerk, separated by commas or spaces; the roles are ${ROLES.join(", ")}`,
  )
  .transform((text): RoleMapping[] =>
    itemsIn(text).map((item) => {
      const [, inQuotes, bare = "", role] = item.match(MAPPING) ?? [];
      return [inQuotes ?? bare, role as Role];
    }),
  );

const algorithms = z
  .string()
  .refine(
    (text) => isList(text) && itemsIn(text).every((item) => (ALGORITHMS as readonly string[]).includes(item)),
    `must be algorithms separated by commas or spaces, of ${ALGORITHMS.join(", ")}`,
  )
  .transform((text) => itemsIn(text) as Algorithm[]);

export const AUTH_VARIABLES = {
  AUTH_JWKS_URL: z
    .string()
    .refine(
      isProviderUrl,
      "must begin with https:// (or http:// on loopback) and must not contain a user name or password",
    )
    .optional(),
  AUTH_ISSUER: z.string().optional(),
  AUTH_AUDIENCE: z.string().optional(),
  AUTH_ALGORITHMS: algorithms.optional(),
  AUTH_ROLES: z
    .string()
    .regex(
      /^(?:\/(?:[^~/]|~[01])*)+$/,
      "must be a JSON Pointer to a claim, such as /realm_access/roles; in a name, ~1 stands for / and ~0 for ~",
    )
    .optional(),
  AUTH_ROLE_MAP: roleMap.optional(),
  AUTH_CLIENT_ID: z.string().optional(),
  AUTH_SCOPES: z
    .string()
    .regex(
      /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/,
      "must be words, such as openid roles",
    )
    .refine((scopes) => scopes.split(" ").includes("openid"), "must contain openid")
    .optional(),
  OPEN_LOCAL_WRITES: z.enum(["true"], "must be true or unset").optional(),
};

const Variables = z.object(AUTH_VARIABLES);
type Given = Record<string, string | undefined>;

/** Whether tokens come from an identity provider. */
export const usesProvider = ({ AUTH_SECRET, AUTH_JWKS_URL, AUTH_ISSUER }: Given): boolean =>
  Boolean(AUTH_JWKS_URL || (AUTH_ISSUER && !AUTH_SECRET));

/** The conflicts between the variables that are set. */
export function faultsOfAuthentication(given: Given): string[] {
  const { AUTH_SECRET, AUTH_JWKS_URL, AUTH_ISSUER } = given;
  const discovers = usesProvider(given) && !AUTH_JWKS_URL;
  const ways = ["OPEN_LOCAL_WRITES", "AUTH_SECRET", "AUTH_JWKS_URL", ...(discovers ? ["AUTH_ISSUER"] : [])];
  const chosen = ways.filter((name) => given[name]);
  const dependent = ["AUTH_AUDIENCE", "AUTH_ALGORITHMS", "AUTH_ROLES", "AUTH_ROLE_MAP"].filter(
    (name) => given[name],
  );
  return [
    ...(chosen.length > 1 ? [`${chosen.join(" and ")} are mutually exclusive`] : []),
    ...(dependent.length > 0 && !AUTH_SECRET && !usesProvider(given)
      ? [`${dependent.join(" and ")} must be used with AUTH_SECRET or AUTH_ISSUER`]
      : []),
    ...(given.AUTH_ALGORITHMS && AUTH_SECRET
      ? ["AUTH_ALGORITHMS must not be set with AUTH_SECRET, which verifies HS256"]
      : []),
    ...(AUTH_JWKS_URL && !AUTH_ISSUER ? ["AUTH_JWKS_URL needs AUTH_ISSUER"] : []),
    ...faultsOfSignIn(given),
    ...(discovers ? faultsOfDiscovery(given) : []),
  ];
}

function faultsOfSignIn(given: Given): string[] {
  const { AUTH_CLIENT_ID, AUTH_SCOPES, AUTH_ISSUER = "" } = given;
  const isPossible = usesProvider(given) && isDiscoverable(AUTH_ISSUER);
  return [
    ...(AUTH_CLIENT_ID && !isPossible
      ? ["AUTH_CLIENT_ID needs an AUTH_ISSUER that is the URL of an identity provider"]
      : []),
    ...(AUTH_SCOPES && !AUTH_CLIENT_ID ? ["AUTH_SCOPES needs AUTH_CLIENT_ID"] : []),
  ];
}

const isDiscoverable = (issuer: string) => isProviderUrl(issuer) && !/[?#]/.test(issuer);

function faultsOfDiscovery({ AUTH_ISSUER = "", AUTH_AUDIENCE }: Given): string[] {
  return [
    ...(isDiscoverable(AUTH_ISSUER)
      ? []
      : [
          "AUTH_ISSUER must be the URL of an identity provider: it begins with https:// (or http:// on loopback) and has no user name, password, query or fragment. For another issuer, AUTH_SECRET or AUTH_JWKS_URL must be set",
        ]),
    ...(AUTH_AUDIENCE
      ? []
      : [
          `AUTH_AUDIENCE is not set; an identity provider needs it, and ${ANY_AUDIENCE} accepts every audience`,
        ]),
  ];
}

export function authenticationOf(
  variables: z.output<typeof Variables> & { AUTH_SECRET?: Uint8Array<ArrayBuffer> | undefined },
): Authentication {
  const { AUTH_SECRET, AUTH_JWKS_URL, AUTH_ISSUER, OPEN_LOCAL_WRITES } = variables;
  const rules = {
    issuer: AUTH_ISSUER,
    audience: variables.AUTH_AUDIENCE,
    rolesAt: variables.AUTH_ROLES,
    roleMap: variables.AUTH_ROLE_MAP,
  };
  if (AUTH_SECRET) return { mode: "hs256", secret: AUTH_SECRET, ...rules };
  if (AUTH_ISSUER) {
    const { AUTH_ALGORITHMS: algorithms } = variables;
    return { mode: "jwks", url: AUTH_JWKS_URL, algorithms, ...rules, issuer: AUTH_ISSUER };
  }
  return { mode: OPEN_LOCAL_WRITES ? "open" : "closed" };
}

/** How people sign in at an identity provider. */
export interface SignIn {
  issuer: string;
  clientId: string;
  /** What is asked of the provider, separated by spaces. */
  scopes: string;
}

export function signInOf(variables: z.output<typeof Variables>): SignIn | undefined {
  const { AUTH_ISSUER, AUTH_CLIENT_ID, AUTH_SCOPES } = variables;
  if (!AUTH_ISSUER || !AUTH_CLIENT_ID) return undefined;
  return { issuer: AUTH_ISSUER, clientId: AUTH_CLIENT_ID, scopes: AUTH_SCOPES ?? "openid" };
}

/** What the operator should know about an authentication. */
export function noticesOf(authentication: Authentication): string[] {
  if (authentication.mode === "closed") {
    return ["Neither AUTH_SECRET nor AUTH_ISSUER is set, so every request that needs a role is rejected."];
  }
  if (authentication.mode === "open") return [];
  const { mode, audience } = authentication;
  const isAny = audience === ANY_AUDIENCE;
  if (!isAny && (audience || mode === "hs256")) return [];
  return [
    `AUTH_AUDIENCE is ${isAny ? ANY_AUDIENCE : "not set"}, so tokens that the issuer made for other services are accepted, too.`,
  ];
}
