/** What is encoded comes back, and nothing else is taken for it. */
import * as fc from "fast-check";
import { load } from "js-yaml";
import { expect, test } from "vitest";
import { gapsOf, type Place, placeOf, positionOf, snapshotOf } from "../../src/changes/place.ts";
import type { ListingPosition } from "../../src/db/keyset.ts";
import { CursorSeal } from "../../src/http/cursor.ts";
import { Problem } from "../../src/http/problem.ts";
import { Seal } from "../../src/http/seal.ts";
import { parseTraceParent, traceParent } from "../../src/http/trace-context.ts";
import { yamlOf } from "../../src/service/yaml.ts";
import { anyText, holds, madeOf } from "../support/fuzz.ts";

const SECRET = new TextEncoder().encode("k".repeat(32));
const seal = new Seal(SECRET);
const cursors = new CursorSeal(SECRET);
const BASE64_URL = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"];

const position: fc.Arbitrary<ListingPosition> = fc.record({
  direction: fc.constantFrom("forward", "backward"),
  side: fc.constantFrom("after", "before"),
  key: anyText(),
  id: fc.uuid(),
});

/** One character that is another, or is missing, or is one too many. */
const change = fc.record({
  at: fc.nat(),
  by: fc.constantFrom(...BASE64_URL, "=", " ", "é"),
  removed: fc.nat(1),
});

test("a cursor gives its position back in its own scope, and in no other", () => {
  const property = fc.property(anyText(), anyText(), position, (scope, other, place) => {
    const cursor = cursors.seal(scope, place);
    expect(cursor).toMatch(/^[\w-]+$/);
    expect(cursors.open(scope, cursor)).toEqual(place);
    if (other !== scope) expect(seal.open(other, cursor)).toBeUndefined();
  });
  holds(property);
});

test("a sealed text that was changed does not open", () => {
  const property = fc.property(anyText(), anyText(), change, (scope, text, { at, by, removed }) => {
    const sealed = seal.seal(scope, text);
    const place = at % (sealed.length + 1);
    const changed = sealed.slice(0, place) + by + sealed.slice(place + removed);
    if (changed !== sealed) expect(seal.open(scope, changed)).toBeUndefined();
  });
  holds(property);
});

test("no text is a cursor, and each is refused as one", () => {
  const property = fc.property(fc.oneof(anyText(200), madeOf(BASE64_URL, 200)), (text) => {
    try {
      cursors.open("", text);
      expect.unreachable(text);
    } catch (error) {
      expect(error).toBeInstanceOf(Problem);
      expect((error as Problem).code).toBe("invalid_cursor");
    }
  });
  holds(property);
});

const xid = fc.bigInt({ min: 1n, max: 200n });
const snapshot = fc
  .record({ xmax: xid, running: fc.uniqueArray(xid, { maxLength: 5 }) })
  .map(({ xmax, running }) => ({
    xmax,
    running: running.filter((id) => id < xmax).sort((a, b) => Number(a - b)),
    at: "2026-03-28T12:00:00.123456Z",
  }));
const row = fc.record({ xid, id: fc.uuid() });
const place: fc.Arbitrary<Place> = fc.record({
  home: anyText(),
  seen: fc.option(snapshot, { nil: undefined }),
  walk: fc.option(fc.record({ from: snapshot, last: row }), { nil: undefined }),
});

test("a place in the feed comes back from its cursor", () => {
  const property = fc.property(place, (given) => {
    const cursor = cursors.seal("feed", positionOf(given));
    expect(placeOf(cursors.open("feed", cursor))).toEqual(given);
  });
  holds(property);
});

test("the gaps of a place are the rows that its holder has not seen, and no others", () => {
  const property = fc.property(place, row, ({ seen, walk }, { xid, id }) => {
    const isSeen = seen !== undefined && xid < seen.xmax && !seen.running.includes(xid);
    const isBehind =
      walk !== undefined && (xid < walk.last.xid || (xid === walk.last.xid && id <= walk.last.id));
    const isInGap = gapsOf({ seen, walk }).some(
      ({ after, before }) => (xid > after.xid || (xid === after.xid && id > after.id)) && xid < before,
    );
    expect(isInGap).toBe(!isSeen && !isBehind);
  });
  holds(property);
});

test("a snapshot of Postgres says of every transaction whether it was committed", () => {
  const running = fc.uniqueArray(fc.bigInt({ min: 10n, max: 400n }), { maxLength: 150 });
  const property = fc.property(running, xid, (ids, asked) => {
    const list = ids.toSorted((a, b) => Number(a - b));
    const text = `${list[0] ?? 401n}:401:${list.join()}`;
    const taken = snapshotOf({ at: "", snapshot: text, isStandby: false });
    const isSeen = asked < taken.xmax && !taken.running.includes(asked);
    // What is cut off counts as not seen, and is then told twice; nothing that was running counts as seen.
    if (isSeen) expect(ids).not.toContain(asked);
    if (ids.length <= 100) expect(isSeen).toBe(!ids.includes(asked));
  });
  holds(property);
});

test("a trace's context comes back from its header, and other texts are none", () => {
  const hex = (length: number) =>
    fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length });
  const context = fc.record({ traceId: hex(32), spanId: hex(16), isSampled: fc.boolean() });
  holds(
    fc.property(context, (given) => {
      const isNone = /^0+$/.test(given.traceId) || /^0+$/.test(given.spanId);
      expect(parseTraceParent(traceParent(given))).toEqual(isNone ? undefined : given);
    }),
  );
  const header = madeOf(["00", "ff", "01", "-", "0".repeat(32), "a".repeat(32), "b".repeat(16), "G", " "], 9);
  holds(
    fc.property(fc.oneof(header, anyText()), (text) => {
      const found = parseTraceParent(text);
      if (found) expect(text).toContain(`${found.traceId}-${found.spanId}`);
    }),
  );
});

test("YAML means the JSON that it was made of, to another reader", () => {
  const text = fc.oneof(
    anyText(),
    madeOf(
      ["a", "yes", "null", "0x1", "1e3", "-", ":", " ", "  ", "#", "\n", "'", '"', "word ", "é", "|", ">"],
      60,
    ),
  );
  const leaf = fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null));
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(text, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  const property = fc.property(fc.dictionary(text, value, { maxKeys: 4, noNullPrototype: true }), (given) => {
    expect(load(yamlOf(given))).toEqual(given);
  });
  holds(property);
});
