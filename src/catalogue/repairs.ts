/** What is left out or cut so that the rest of a row can be taken. Each is told. */
import type { Repair } from "./rows.ts";

interface Fitted {
  value: string | null;
  repair?: Repair;
}

const MAX_DESCRIPTION = 10_000;

/** Cuts at a character, never within one. */
export function fitDescription(text: string): Fitted {
  if (text.length <= MAX_DESCRIPTION) return { value: text };
  const characters = Array.from(text.normalize("NFC").trim());
  if (characters.length <= MAX_DESCRIPTION) return { value: text };
  return {
    value: `${characters
      .slice(0, MAX_DESCRIPTION - 1)
      .join("")
      .trimEnd()}…`,
    repair: "description_cut",
  };
}

/** Octavo's pages show covers over https alone. A book is not refused for a link that they could not show. */
export function fitCover(url: string): Fitted {
  return /^http:/i.test(url) ? { value: null, repair: "cover_left_out" } : { value: url };
}

/** The same for members that come as JSON or from ONIX. */
export function fitted(given: Record<string, unknown>): {
  members: Record<string, unknown>;
  repairs: Repair[];
} {
  const members = { ...given };
  const repairs: Repair[] = [];
  for (const [name, adapt] of FITS) {
    const text = members[name];
    if (typeof text !== "string") continue;
    const { value, repair } = adapt(text);
    members[name] = value;
    if (repair) repairs.push(repair);
  }
  return { members, repairs };
}

const FITS = [
  ["description", fitDescription],
  ["cover_url", fitCover],
] as const;

/** The members that are to be read; without a choice, all. */
export function picked(
  given: Record<string, unknown>,
  only: readonly string[] | undefined,
): Record<string, unknown> {
  if (!only) return given;
  const names = only.filter((member) => Object.hasOwn(given, member));
  return Object.fromEntries(names.map((member) => [member, given[member]]));
}
