/** Removes from an exchange exactly what may differ between two runs. */
import type { Exchange } from "./exchange.ts";
import { ID_PREFIX, YEAR } from "./fixtures.ts";

/** Connection-specific fields (RFC 9110, section 7.6.1), the clock, durations, and fields that not every runtime can provide. */
const EXEMPT = new Set([
  "connection",
  "date",
  "keep-alive",
  "ratelimit",
  "ratelimit-policy",
  "server-timing",
  "transfer-encoding",
  "upgrade",
]);

/** The compared parts of an exchange. */
export interface Comparable {
  request: string;
  status: number;
  /** Sorted by name; lines of one name keep their order. */
  headers: string[];
  /** The body, split before each member to make differences readable. */
  body: string[];
}

/**
 * Masks generated ids and times everywhere, in cursors too. Masks are numbered by first appearance, so that equal values
 * have equal masks. Values of fixtures are compared unchanged.
 */
export function normalise(exchanges: readonly Exchange[]): Comparable[] {
  const masks = new Map<string, string>();
  const mask = (kind: string, value: string) => {
    const known = masks.get(value) ?? `<${kind} ${masks.size + 1}>`;
    masks.set(value, known);
    return known;
  };
  const maskValues = (text: string) =>
    text
      .replace(UUID, (id, version) => (id.startsWith(ID_PREFIX) ? id : mask(`uuid v${version}`, id)))
      .replace(MOMENT, (moment, year) => (year === YEAR ? moment : mask("moment", moment)));
  const masked = (text: string) =>
    maskValues(
      text.replace(CURSOR, (cursor) => {
        const position = positionOf(cursor)?.replace(SNAPSHOT, '$1"","",["<snapshot>"]]');
        // The seal depends on the position, which differs.
        return position && (maskValues(position) !== position || position.includes("<snapshot>"))
          ? `<cursor ${position}>`
          : cursor;
      }),
    );
  return exchanges.map(({ method, path, status, headers, body }) => ({
    request: `${method} ${masked(path)}`,
    status,
    headers: headers
      // The feed's tag is a digest of its page, with times, and its cursors hold ids of transactions.
      .filter(([name]) => !path.startsWith(FEED) || (name !== "etag" && name !== "content-length"))
      .filter(([name]) => !EXEMPT.has(name))
      // Miniflare rewrites pages, and so sends them in chunks. Bun sends a short stream with its length.
      .filter(([name]) => name !== "content-length" || !(isPage(headers) || isStream(headers)))
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([name, value]) => `${name}: ${masked(value)}`),
    body: masked(body).split(/(?<=,)(?=")|(?<=\[)(?=\{)/),
  }));
}

const isPage = (headers: Exchange["headers"]) =>
  headers.some(([name, value]) => name === "content-type" && value.startsWith("text/html"));

/** Exports, and reports of imports. */
const isStream = (headers: Exchange["headers"]) =>
  headers.some(([name, value]) => name === "content-disposition" || value.startsWith("application/x-ndjson"));

const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;
const MOMENT = /\b(\d{4})-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/g;
const CURSOR = /[\w-]{80,}/g;
const FEED = "/api/v1/changes";
/** The state of the feed's cursors: the database, and transactions. */
const SNAPSHOT = /^(\["f","a",)"\d*","[^"]*",\["[^"]*",(?:null|\[").*\]\]$/;
const MAC_BYTES = 32;

/** The JSON at the start of a cursor; undefined if the text is not a cursor. */
function positionOf(text: string): string | undefined {
  const bytes = Buffer.from(text, "base64url");
  const payload = bytes.subarray(0, -MAC_BYTES).toString();
  return /^\["[fb]","[ab]",.*\]$/.test(payload) ? payload : undefined;
}
