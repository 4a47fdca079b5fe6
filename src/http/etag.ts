import type { Resource, VersionDemand } from "../db/resource.ts";
import { Problem } from "./problem.ts";

/** The entity tags of one header; `*` stands for any current representation. */
type Tags = "*" | Tag[];
type Tag = { weak: boolean; value: string };

/** If-Match and If-None-Match of a request, parsed; absent headers are undefined. */
export interface Preconditions {
  ifMatch: Tags | undefined;
  ifNoneMatch: Tags | undefined;
}

/** Of a request that demands nothing, or to a route that does not heed it. */
export const NO_PRECONDITIONS: Preconditions = { ifMatch: undefined, ifNoneMatch: undefined };

/**
 * The strong entity tag of a resource: unique for all time, as ids are never used again. The format is that of its JSON,
 * which changes with a new member while the version does not.
 */
export const etagOf = (id: string, version: string, format: number): string => `"${id}.${version}.${format}"`;

/** What a tag names of the resource `id`; earlier tags have no format. Undefined for a tag of anything else. */
function partsOf(tag: string, id: string): { version: bigint; format: string | undefined } | undefined {
  const [, of, version, format] = tag.match(/^"(.{36})\.([1-9]\d{0,17})(?:\.([1-9]\d{0,3}))?"$/) ?? [];
  return of === id && version ? { version: BigInt(version), format } : undefined;
}

/**
 * Reads If-Match and If-None-Match.
 *
 * @throws Problem `invalid_header` where one is neither `*` nor a list of entity tags (RFC 9110, 8.8.3)
 */
export function parsePreconditions(headers: Headers): Preconditions {
  return { ifMatch: parseTags(headers, "If-Match"), ifNoneMatch: parseTags(headers, "If-None-Match") };
}

function parseTags(headers: Headers, name: string): Tags | undefined {
  const text = headers.get(name);
  if (text === null) return undefined;
  if (text === "*") return "*";
  // Bytes beyond ASCII come as UTF-8 on workerd, and as Latin-1 elsewhere.
  // No two parts of this can match the same white space: to try all the ways to share it out would take its length squared.
  const element = /[\t ]*(?:(W\/)?("[\x21\x23-\x7e\x80-\uffff]*")[\t ]*)?(?:,|$)/y;
  const tags = [];
  while (element.lastIndex < text.length) {
    const match = element.exec(text);
    if (!match) break;
    if (match[2] !== undefined) tags.push({ weak: match[1] !== undefined, value: match[2] });
    if (element.lastIndex === text.length) return tags.length > 0 ? tags : malformed(name);
  }
  return malformed(name);
}

function malformed(name: string): never {
  throw new Problem("invalid_header", `${name} must be * or a list of entity tags in double quotes.`);
}

/**
 * Evaluates the preconditions of a read against what was found (RFC 9110, 13.2.2).
 *
 * @returns whether the client has it already and a 304 will do
 * @throws Problem `precondition_failed`
 */
export function notModified(preconditions: Preconditions, { id, version, format }: Resource): boolean {
  const { ifMatch, ifNoneMatch } = preconditions;
  const isCurrent = ({ weak, value }: Tag) => !weak && partsOf(value, id)?.version === BigInt(version);
  if (ifMatch && ifMatch !== "*" && !ifMatch.some(isCurrent)) throw preconditionFailed(preconditions);
  const etag = etagOf(id, version, format);
  return ifNoneMatch === "*" || (ifNoneMatch?.some(({ value }) => value === etag) ?? false);
}

/**
 * Turns the preconditions of a write to the resource `id` into what its statement compares: If-Match into versions, as an
 * editor's change holds whatever the format is, and If-None-Match into versions with formats.
 */
export function versionDemand({ ifMatch, ifNoneMatch }: Preconditions, id: string): VersionDemand {
  const parts = (tags: Tag[]) => tags.flatMap(({ value }) => partsOf(value, id) ?? []);
  return {
    oneOf:
      ifMatch && ifMatch !== "*"
        ? parts(ifMatch.filter(({ weak }) => !weak)).map(({ version }) => version)
        : undefined,
    noneOf:
      ifNoneMatch === "*"
        ? "any"
        : ifNoneMatch &&
          parts(ifNoneMatch).flatMap(({ version, format }) => (format ? `${version}.${format}` : [])),
  };
}

/** Tells weak tags from old ones: with a proxy that makes tags weak, to read the resource again helps nobody. */
export function preconditionFailed({ ifMatch }: Preconditions): Problem {
  const weak = ifMatch && ifMatch !== "*" && ifMatch.every((tag) => tag.weak);
  return new Problem(
    "precondition_failed",
    weak
      ? "If-Match has only weak tags (W/…), which never match: a proxy that compresses makes tags weak; nothing was changed."
      : "The resource is at another version; nothing was changed.",
  );
}
