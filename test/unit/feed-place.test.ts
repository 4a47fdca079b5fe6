/** Places in the feed: snapshots, what they have not seen, and cursors. */
import { expect, test } from "vitest";
import {
  gapsOf,
  oldestUnseen,
  type Place,
  placeAfter,
  placeOf,
  positionOf,
  snapshotOf,
} from "../../src/changes/place.ts";

const AT = "2026-03-28T12:00:00.123456Z";
const moment = (snapshot: string, isStandby = false) => snapshotOf({ at: AT, snapshot, isStandby });
const LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff";
const END = 2n ** 64n - 1n;
const ID = "0195dc3a-52e6-7cc1-9d2f-7f4b8a6e1c30";

test("a snapshot has what was committed", () => {
  expect(moment("10:20:10,15")).toEqual({ xmax: 20n, running: [10n, 15n], at: AT });
  expect(moment("20:20:")).toEqual({ xmax: 20n, running: [], at: AT });
});

test("on a standby, nothing counts as seen from the oldest running transaction on", () => {
  expect(moment("10:20:", true)).toEqual({ xmax: 10n, running: [], at: AT });
});

test("of more than 100 running transactions, the later ones count as not seen", () => {
  const running = Array.from({ length: 150 }, (_, at) => 1000 + 2 * at);
  const { xmax, running: named } = moment(`1000:2000:${running}`);
  expect([xmax, named.length, named.at(-1)]).toEqual([1200n, 100, 1198n]);
});

test("the gaps of a place are the transactions that it has not seen, without those behind it", () => {
  const seen = { xmax: 20n, running: [10n, 15n], at: AT };
  expect(oldestUnseen(seen)).toBe(10n);
  expect(gapsOf({ seen, walk: undefined })).toEqual([
    { after: { xid: 9n, id: LAST }, before: 11n },
    { after: { xid: 14n, id: LAST }, before: 16n },
    { after: { xid: 19n, id: LAST }, before: END },
  ]);
  const walk = (xid: bigint) => gapsOf({ seen, walk: { from: seen, last: { xid, id: ID } } });
  expect(walk(15n)).toEqual([
    { after: { xid: 15n, id: ID }, before: 16n },
    { after: { xid: 19n, id: LAST }, before: END },
  ]);
  expect(walk(25n)).toEqual([{ after: { xid: 25n, id: ID }, before: END }]);
  const [all] = gapsOf(undefined);
  expect([all?.after.xid, all?.before]).toEqual([0n, END]);
});

const page = (now: ReturnType<typeof moment>, xid: bigint | undefined, isCut = false) => ({
  home: "h",
  now,
  last: xid === undefined ? undefined : { xid, id: ID },
  isCut,
  removedTo: 0n,
});

test("a walk of several pages is followed by another, and only one page ends the feed", () => {
  const [first, second] = [moment("20:20:"), moment("30:30:")];
  const cut = placeAfter(undefined, page(first, 12n, true));
  const walk = { from: first, last: { xid: 12n, id: ID } };
  expect(cut).toEqual({ next: { home: "h", seen: undefined, walk }, more: true });
  const ended = placeAfter(cut.next, page(second, 25n));
  expect(ended).toEqual({ next: { home: "h", seen: first, walk: undefined }, more: true });
  const { next, more } = placeAfter(ended.next, page(second, 25n));
  expect([next.seen?.xmax, next.walk, more]).toEqual([26n, undefined, false]);
});

test("a cursor leaves out what comes after the newest row, and stays the same while nothing changes", () => {
  const { next } = placeAfter(undefined, page(moment("10:20:10,15,18"), 17n));
  expect(next.seen).toEqual({ xmax: 18n, running: [10n, 15n], at: AT });
  expect(placeAfter(next, page(moment("10:90:10,15,80"), undefined)).next.seen).toBe(next.seen);
  // One of the transactions has ended, and has left no row.
  expect(placeAfter(next, page(moment("15:90:15,80"), undefined)).next.seen?.running).toEqual([15n]);
  const removed = placeAfter(next, { ...page(moment("90:90:"), undefined), removedTo: 40n });
  expect(removed.next.seen?.xmax).toBe(41n);
});

test.each<Place>([
  { home: "h", seen: { xmax: 20n, running: [10n, 15n], at: AT }, walk: undefined },
  {
    home: "h",
    seen: undefined,
    walk: { from: { xmax: END, running: [], at: AT }, last: { xid: 12n, id: ID } },
  },
  {
    home: "1.2.3.4.x",
    seen: { xmax: 2n ** 60n, running: [2n ** 59n], at: AT },
    walk: { from: { xmax: 2n ** 60n + 1n, running: [3n], at: AT }, last: { xid: 2n ** 59n, id: ID } },
  },
])("a cursor keeps a place: %#", (place) => {
  expect(placeOf(JSON.parse(JSON.stringify(positionOf(place))))).toEqual(place);
});
