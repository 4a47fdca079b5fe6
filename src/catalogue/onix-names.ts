/** The contributors of a product as the author of a book. */
import { all, type Element, value } from "./onix-tags.ts";
import type { Repair } from "./rows.ts";

const MAX_AUTHOR = 255;

/** Authors (A01); if there are none, other creators (A…), editors (B01), anybody (list 17). */
const ROLES = [/^A01$/, /^A/, /^B01$/, /./];

export function authorOf(product: Element, repairs: Repair[]): string | undefined {
  const contributors = all(product, "DescriptiveDetail", "Contributor").sort(
    (a, b) => sequenceOf(a) - sequenceOf(b),
  );
  const named = ROLES.map((role) =>
    contributors.filter((contributor) => hasRole(contributor, role)).flatMap(nameOfContributor),
  );
  const names = [...new Set(named.find((found) => found.length > 0))];
  if (names.length === 0) return value(all(product, "DescriptiveDetail")[0], "ContributorStatement");
  const kept = [...names];
  while (kept.length > 1 && kept.join(", ").length > MAX_AUTHOR) kept.pop();
  if (kept.length < names.length) repairs.push("contributors_left_out");
  return kept.join(", ");
}

const sequenceOf = (contributor: Element) =>
  Number(value(contributor, "SequenceNumber") ?? Number.MAX_SAFE_INTEGER);

const hasRole = (contributor: Element, role: RegExp) =>
  all(contributor, "ContributorRole").some(({ text }) => role.test(text.trim()));

/** Of list 19. */
const UNNAMED: Record<string, string> = { "02": "Anonymous", "03": "et al.", "04": "Various" };

function nameOfContributor(contributor: Element): string[] {
  const part = (name: string) => value(contributor, name);
  const parts = ["NamesBeforeKey", "PrefixToKey", "KeyNames", "NamesAfterKey", "SuffixToKey"].map(part);
  const inOrder = part("KeyNames") && parts.filter(Boolean).join(" ");
  const inverted = part("PersonNameInverted")?.replace(/^([^,]+), ([^,]+)$/, "$2 $1");
  const name =
    part("PersonName") ??
    inOrder ??
    inverted ??
    part("CorporateName") ??
    UNNAMED[part("UnnamedPersons") ?? ""];
  return name ? [name] : [];
}
