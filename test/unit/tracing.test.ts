/** Traces: which are recorded, and what becomes of unusual round trips and contexts. */
import { expect, test } from "vitest";
import { markSent, startTrip } from "../../src/db/trips.ts";
import type { RequestEvent } from "../../src/http/observe.ts";
import { Trace } from "../../src/http/tracing.ts";

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const event = { method: "GET", route: "/x", duration_ms: 5, level: "info" } as RequestEvent;
const tracing = (ratio: number) => ({ ratio, export: () => {} });
const traceOf = (headers: Record<string, string>, ratio = 1) =>
  Trace.of(new Headers(headers), tracing(ratio));

function trip({ isSent, hasFailed }: { isSent: boolean; hasFailed: boolean }) {
  const trip = startTrip(0, {});
  if (isSent) markSent([trip], "points");
  return Object.assign(trip, { ended: performance.now(), hasFailed });
}

test.each([0, 0.25, 1])("of new traces, the share %d is recorded", (ratio) => {
  const count = 4000;
  const recorded = Array.from({ length: count }, () => traceOf({}, ratio)?.context.isSampled).filter(Boolean);
  expect(recorded.length / count).toBeCloseTo(ratio, 1);
});

test("a statement that was given up while it waited is a failed wait", () => {
  const trace = traceOf({});
  trace?.add(trip({ isSent: false, hasFailed: true }));
  const [, ...below] = trace?.spans(event, 0) ?? [];
  expect(below).toMatchObject([{ name: "wait", hasFailed: true, attributes: {} }]);
});

test("a statement that fails is a failed span of the database, and its wait is not", () => {
  const trace = traceOf({});
  trace?.add(trip({ isSent: true, hasFailed: true }));
  const [, ...below] = trace?.spans(event, 0) ?? [];
  expect(below).toMatchObject([
    { name: "wait", hasFailed: false, attributes: { "octavo.lane": "points" } },
    { name: "database", hasFailed: true },
  ]);
});

test("a stream with any number of round trips has a limited number of spans", () => {
  const trace = traceOf({});
  for (let count = 0; count < 1000; count++) trace?.add(trip({ isSent: true, hasFailed: false }));
  expect(trace?.spans(event, 0)).toHaveLength(1 + 2 * 128);
});

test("tracestate is passed on with a valid traceparent, unless it is longer than everybody must take", () => {
  const passed = (headers: Record<string, string>) => traceOf(headers)?.headers.tracestate;
  expect(passed({ traceparent: TRACEPARENT, tracestate: "a=1,b=2" })).toBe("a=1,b=2");
  expect(passed({ traceparent: TRACEPARENT, tracestate: `a=${"1".repeat(511)}` })).toBeUndefined();
  expect(passed({ traceparent: "invalid", tracestate: "a=1" })).toBeUndefined();
});
