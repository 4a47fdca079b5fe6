/**
 * Places in the feed. A cursor says which transactions its holder has seen: those that were committed in a snapshot of the
 * database. What it has not seen are the rows that other transactions wrote. A transaction that commits late is so never
 * missed, and one that stays open holds nobody back. See docs/decisions/0030-feed-cursors.md.
 */
import type { ListingPosition } from "../db/keyset.ts";

/** The transactions that were committed at a moment: those below `xmax` that were not running. */
export interface Snapshot {
  xmax: bigint;
  /** In ascending order. */
  running: bigint[];
  /** The moment. Whatever was committed before it is in the snapshot. */
  at: string;
}

/** The last row of a page, in the order by transaction and book. */
export interface Row {
  xid: bigint;
  id: string;
}

/** What a cursor holds. */
export interface Place {
  /** The database and the epoch that the ids of transactions belong to. */
  home: string;
  /** What the holder has seen; nothing if undefined. */
  seen: Snapshot | undefined;
  /** Where it is on its way through what it has not seen, if that does not fit into a page. */
  walk: { from: Snapshot; last: Row } | undefined;
}

/** Transactions between two ids, of the first only the rows of later books. Both ends are exclusive. */
export interface Gap {
  after: Row;
  before: bigint;
}

const FIRST_ID = "00000000-0000-0000-0000-000000000000";
export const LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff";
const MAX_XID = 2n ** 64n - 1n;

/** Cursors name no more running transactions: the oldest. Later ones count as not seen, and their rows may come twice. */
const MAX_RUNNING = 100;

/** What the database knows at a moment. */
export interface Moment {
  at: string;
  /** As Postgres writes it: `xmin:xmax:running,…`. */
  snapshot: string;
  isStandby: boolean;
}

/**
 * The snapshot of a moment. A standby does not tell which transactions were running: all from the oldest of them on count as
 * not seen.
 */
export function snapshotOf({ at, snapshot, isStandby }: Moment): Snapshot {
  const [xmin = "0", end = "0", list = ""] = snapshot.split(":");
  const given = list === "" || isStandby ? [] : list.split(",").map(BigInt);
  const xmax = given[MAX_RUNNING] ?? BigInt(isStandby ? xmin : end);
  return { xmax, running: given.slice(0, MAX_RUNNING), at };
}

/** A snapshot up to a transaction, after which none has a row yet. */
function upTo(newest: bigint, { at, xmax, running }: Snapshot): Snapshot {
  return xmax <= newest
    ? { at, xmax, running }
    : { at, xmax: newest + 1n, running: running.filter((xid) => xid <= newest) };
}

const isSame = (one: Snapshot, other: Snapshot) =>
  one.xmax === other.xmax && one.running.join() === other.running.join();

/** The oldest transaction that is not in a snapshot. */
export const oldestUnseen = ({ xmax, running: [first = xmax] }: Snapshot): bigint => first;

/** The transactions that a place has not seen, without those that its walk has passed. */
export function gapsOf(place: Pick<Place, "seen" | "walk"> | undefined): Gap[] {
  const { seen, walk } = place ?? {};
  const from = (xid: bigint): Row => ({ xid: xid - 1n, id: LAST_ID });
  const unseen: Gap[] = seen
    ? [
        ...seen.running.map((xid) => ({ after: from(xid), before: xid + 1n })),
        { after: from(seen.xmax), before: MAX_XID },
      ]
    : [{ after: { xid: 0n, id: FIRST_ID }, before: MAX_XID }];
  if (!walk) return unseen;
  const { last } = walk;
  return unseen
    .filter(({ before }) => before > last.xid)
    .map((gap) => (gap.after.xid < last.xid ? { ...gap, after: last } : gap));
}

/** What a page was, where it ended, and when. */
export interface PageEnd {
  home: string;
  now: Snapshot;
  /** The last row of the page, if it has any. */
  last: Row | undefined;
  /** Whether rows follow that did not fit into the page. */
  isCut: boolean;
  /** The newest transaction of which a tombstone was removed. */
  removedTo: bigint;
}

/** The place after a page. */
export function placeAfter(
  place: Place | undefined,
  { home, now, last, isCut, removedTo }: PageEnd,
): { next: Place; more: boolean } {
  const { seen, walk } = place ?? {};
  if (isCut && last) return { next: { home, seen, walk: { from: walk?.from ?? now, last } }, more: true };
  // The walk may have passed what was committed meanwhile: the next walk finds it. The last is of one page, and so of one moment.
  if (walk) return { next: { home, seen: walk.from, walk: undefined }, more: true };
  // What comes after the newest row is left out, so that the cursor stays the same while nothing changes.
  const known = [removedTo, last?.xid ?? 0n, seen ? seen.xmax - 1n : 0n];
  const end = upTo(
    known.reduce((newest, xid) => (xid > newest ? xid : newest)),
    now,
  );
  return { next: { home, seen: seen && isSame(seen, end) ? seen : end, walk: undefined }, more: false };
}

type Written = [at: string, xmax: string, ...running: string[]];
const write = ({ at, xmax, running }: Snapshot): Written => [
  at,
  `${xmax}`,
  // As distances, which are short.
  ...running.map((xid) => `${xmax - xid}`),
];
const read = ([at, xmax, ...running]: Written): Snapshot => ({
  at,
  xmax: BigInt(xmax),
  running: running.map((distance) => BigInt(xmax) - BigInt(distance)),
});

/** A place as the position of a sealed cursor. */
export function positionOf({ home, seen, walk }: Place): ListingPosition {
  return {
    direction: "forward",
    side: "after",
    key: `${walk?.last.xid ?? ""}`,
    id: walk?.last.id ?? "",
    state: [home, seen ? write(seen) : null, walk ? write(walk.from) : null],
  };
}

export function placeOf({ key, id, state }: ListingPosition): Place {
  const [home, seen, from] = state as [string, Written | null, Written | null];
  return {
    home,
    seen: seen ? read(seen) : undefined,
    walk: from ? { from: read(from), last: { xid: BigInt(key), id } } : undefined,
  };
}
