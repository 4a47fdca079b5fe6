import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
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

/** For a route that ignores preconditions. */
export const NO_PRECONDITIONS: Preconditions = { ifMatch: undefined, ifNoneMatch: undefined };

/**
 * The strong entity tag of a resource, unique for all time because ids are never reused. It contains the format of the
 * JSON, because a new member changes the JSON but not the version.
 */
export const etagOf = (id: string, version: string, format: number): string => `"${id}.${version}.${format}"`;

/** The strong entity tag of a text without a version: a digest of its bytes. */
export const etagOfText = (text: string): string =>
  `"${bytesToHex(sha256(utf8ToBytes(text)).subarray(0, 16))}"`;

/** The same of a text that may have megabytes, for which Web Crypto takes a tenth of the time. */
export async function etagOfLongText(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `"${bytesToHex(new Uint8Array(digest, 0, 16))}"`;
}

/** Parses the tag of a resource, if it is one: into id and version, and these with the format. Earlier tags have no format. */
function partsOf(tag: string): { version: string; format: string | undefined } | undefined {
  const [, version, format] = tag.match(/^"(.{36}\.[1-9]\d{0,17})(?:\.([1-9]\d{0,3}))?"$/) ?? [];
  return version ? { version, format } : undefined;
}

/**
 * Reads If-Match and If-None-Match.
 *
 * @throws Problem `invalid_header` if one is neither `*` nor a list of entity tags (RFC 9110, 8.8.3)
 */
export function parsePreconditions(headers: Headers): Preconditions {
  return { ifMatch: parseTags(headers, "If-Match"), ifNoneMatch: parseTags(headers, "If-None-Match") };
}

function parseTags(headers: Headers, name: string): Tags | undefined {
  const text = headers.get(name);
  if (text === null) return undefined;
  if (text === "*") return "*";
  // workerd decodes bytes beyond ASCII as UTF-8, the others as Latin-1.
  // No two parts can match the same white space: backtracking would take quadratic time.
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
 * Evaluates the preconditions of a read (RFC 9110, 13.2.2). If-Match names a version of the resource, in any format.
 *
 * @returns whether the client's copy is current, so that the response is 304
 * @throws Problem `precondition_failed`
 */
export function notModified(preconditions: Preconditions, { id, version, format }: Resource): boolean {
  const isVersion = (tag: string) => partsOf(tag)?.version === `${id}.${version}`;
  return evaluate(preconditions, etagOf(id, version, format), isVersion);
}

/** Evaluates the preconditions of a read of a text, as {@link notModified} does. Its tag may be weak: `W/"…"`. */
export function textNotModified(preconditions: Preconditions, etag: string): boolean {
  const value = etag.replace(/^W\//, "");
  return evaluate(preconditions, value, (tag) => tag === etag);
}

function evaluate(preconditions: Preconditions, etag: string, matches: (tag: string) => boolean): boolean {
  const { ifMatch, ifNoneMatch } = preconditions;
  const isCurrent = ({ weak, value }: Tag) => !weak && matches(value);
  if (ifMatch && ifMatch !== "*" && !ifMatch.some(isCurrent)) throw preconditionFailed(preconditions);
  return ifNoneMatch === "*" || (ifNoneMatch?.some(({ value }) => value === etag) ?? false);
}

/**
 * Turns the preconditions of a write into what its statement compares: If-Match into ids and versions, because a change
 * does not depend on the format, and If-None-Match into these with formats.
 */
export function versionDemand({ ifMatch, ifNoneMatch }: Preconditions): VersionDemand {
  const parts = (tags: Tag[]) => tags.flatMap(({ value }) => partsOf(value) ?? []);
  return {
    exists: ifMatch !== undefined,
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

/** Reports weak tags separately: if a proxy weakens tags, reading the resource again does not help. */
export function preconditionFailed({ ifMatch }: Preconditions): Problem {
  const weak = ifMatch && ifMatch !== "*" && ifMatch.every((tag) => tag.weak);
  return new Problem(
    "precondition_failed",
    weak
      ? "If-Match contains only weak tags (W/…), which never match; a proxy that compresses responses weakens tags. Nothing was changed."
      : "The resource has another version. Nothing was changed.",
  );
}
