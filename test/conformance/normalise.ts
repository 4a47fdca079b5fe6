/** Takes from an exchange what may differ between two runs, and nothing else. */
import type { Exchange } from "./exchange.ts";
import { ID_PREFIX, YEAR } from "./fixtures.ts";

/** Fields of one connection (RFC 9110, 7.6.1), the clock, and what a runtime may not be able to know. */
const EXEMPT = new Set([
  "connection",
  "date",
  "keep-alive",
  "ratelimit",
  "ratelimit-policy",
  "transfer-encoding",
  "upgrade",
]);

/** What is compared of one exchange. */
export interface Comparable {
  request: string;
  status: number;
  /** Sorted by name; lines of one name stay in order. */
  headers: string[];
  /** Cut before each member, so that a difference is found at a glance; joined, they are the body. */
  body: string[];
}

/**
 * Masks what no case can know: generated ids and moments, wherever they are, in cursors too. A mask has a number by first
 * appearance, so that what is equal, or is not, stays so. Rows of the fixtures are compared as they are.
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
        const position = positionOf(cursor);
        // Its seal goes with the position: it cannot be the same where that is not.
        return position && maskValues(position) !== position ? `<cursor ${position}>` : cursor;
      }),
    );
  return exchanges.map(({ method, path, status, headers, body }) => ({
    request: `${method} ${masked(path)}`,
    status,
    headers: headers
      .filter(([name]) => !EXEMPT.has(name))
      // `wrangler dev` passes pages through a rewriter of its own, and so in chunks.
      .filter(([name]) => name !== "content-length" || !isPage(headers))
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([name, value]) => `${name}: ${masked(value)}`),
    body: masked(body).split(/(?<=,)(?=")|(?<=\[)(?=\{)/),
  }));
}

const isPage = (headers: Exchange["headers"]) =>
  headers.some(([name, value]) => name === "content-type" && value.startsWith("text/html"));

const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;
const MOMENT = /\b(\d{4})-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/g;
const CURSOR = /[\w-]{80,}/g;
const MAC_BYTES = 32;

/** The JSON that a cursor begins with; undefined where the text is no cursor. */
function positionOf(text: string): string | undefined {
  const bytes = Buffer.from(text, "base64url");
  const payload = bytes.subarray(0, -MAC_BYTES).toString();
  return /^\["[fb]","[ab]",.*\]$/.test(payload) ? payload : undefined;
}
