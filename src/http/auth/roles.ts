import type { Role as RouteRole } from "../route.ts";

/** The roles that a token can give. */
export const ROLES = ["clerk", "editor", "admin"] as const satisfies readonly RouteRole[];
export type Role = (typeof ROLES)[number];

/** Where a token says what its holder may do, and what that means. */
export interface RoleRules {
  /** A JSON Pointer into the claims (RFC 6901): to a list of texts, or to a text. If undefined, the list `roles`. */
  rolesAt?: string | undefined;
  /** The role that a value gives. Values that are not listed give none. If undefined, the values are roles. */
  roleMap?: readonly RoleMapping[] | undefined;
}

export type RoleMapping = readonly [value: string, role: Role];

/** The roles of a token. If there are none, `lack` says why. */
export interface GrantedRoles {
  roles: readonly Role[];
  lack: string | undefined;
}

/** The claim that holds roles unless configured otherwise. It must be a list. */
export const DEFAULT_POINTER = "/roles";

/**
 * Claims whose text is a list of words. In every other claim a text is one value: in a `sub` such as
 * `repo:owner/name:environment:…`, words could be names that the holder of the token has chosen.
 */
const WORD_LISTS = /(?:scopes?|scp|roles?|groups?|permissions?)$/i;

/** Reads the roles from the claims of a verified token. */
export function rolesOf(claims: unknown, { rolesAt, roleMap }: RoleRules): GrantedRoles {
  const pointer = rolesAt ?? DEFAULT_POINTER;
  const claim = valueAt(claims, pointer);
  const none = (lack: string): GrantedRoles => ({ roles: [], lack });
  if (claim === undefined) return none(`The token has no claim at ${pointer}.`);
  const values = rolesAt !== undefined && typeof claim === "string" ? valuesIn(claim, pointer) : claim;
  if (!isListOfTexts(values)) {
    const expected = rolesAt === undefined ? "a list of texts" : "a list of texts or a text";
    return none(`The token's claim at ${pointer} is not ${expected}.`);
  }
  const roles = roleMap
    ? roleMap.filter(([value]) => values.includes(value)).map(([, role]) => role)
    : ROLES.filter((role) => values.includes(role));
  if (roles.length === 0) return none(`The token's claim at ${pointer} gives no role on this server.`);
  return { roles: [...new Set(roles)], lack: undefined };
}

/** The names in a JSON Pointer. */
export const namesIn = (pointer: string): string[] =>
  pointer
    .split("/")
    .slice(1)
    .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));

function valueAt(claims: unknown, pointer: string): unknown {
  return namesIn(pointer).reduce<unknown>((value, name) => {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    if (Array.isArray(value) && !/^\d+$/.test(name)) return undefined;
    return (value as Record<string, unknown>)[name];
  }, claims);
}

function valuesIn(text: string, pointer: string): string[] {
  return WORD_LISTS.test(namesIn(pointer).at(-1) ?? "") ? [text, ...text.split(" ")] : [text];
}

const isListOfTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((element) => typeof element === "string");
