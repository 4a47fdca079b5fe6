import { type Mark, type Position, positionOf, type Reader } from "./position.ts";
import type { LaneName } from "./scheduler.ts";
import type { Statement } from "./statements.ts";

/** `traceparent` and `tracestate` (https://www.w3.org/TR/trace-context/). */
export type TraceHeaders = Readonly<Record<string, string>>;

/** A statement before a read, in the same round trip. Its snapshot is older than that of the read, unless both are of one transaction. */
export interface Guard {
  statement: Statement;
  /** What it holds the read to. */
  after?: Position | undefined;
  /** @throws what the call then rejects with */
  accept(row: Record<string, unknown> | undefined): void;
}

/** A round trip of one caller, as it goes. Moments are in the time of `performance.now()`. */
export interface Trip {
  readonly deadline: number;
  readonly traceHeaders: TraceHeaders | undefined;
  readonly waiter: Waiter | undefined;
  readonly started: number;
  /** When its statement was sent, alone or with others; undefined while it waits. */
  sent: number | undefined;
  /** The lane in which it waited; undefined where nothing waits. */
  lane: LaneName | undefined;
  ended: number | undefined;
  hasFailed: boolean;
  readonly reader: Reader | undefined;
  /** What runs before its statement on a replica. */
  guard: Guard | undefined;
  /** A replica did not answer it, and the primary did. */
  isRetried: boolean;
  /** How far the database was once its write was committed. */
  position: Position | undefined;
}

/** Who waits for the result of a call. */
export interface Waiter {
  /** Whether nobody waits any more. */
  readonly hasGone: boolean;
  /** Aborts when nobody waits any more. Created when it is read, which few calls need. */
  readonly signal: AbortSignal;
}

/** Gives a signal that aborts when all callers have gone. A function, because few calls need it. */
export type Gone = () => AbortSignal;

/** Whether no caller is left. Asks until the first that is. */
export const haveGone = (trips: readonly Trip[]): boolean => trips.every(({ waiter }) => waiter?.hasGone);

/** Is told of each round trip when it has ended. */
export type OnTrip = (trip: Trip) => void;

export function startTrip(
  deadline: number,
  { traceHeaders, waiter, reader }: Partial<Pick<Trip, "traceHeaders" | "waiter" | "reader">>,
): Trip {
  const started = performance.now();
  return {
    deadline,
    traceHeaders,
    waiter,
    started,
    sent: undefined,
    lane: undefined,
    ended: undefined,
    hasFailed: false,
    reader,
    guard: undefined,
    isRetried: false,
    position: undefined,
  };
}

/** Marks round trips that leave together. A statement that is sent again has been sent. */
export function markSent(trips: readonly Trip[], lane?: LaneName): void {
  const now = performance.now();
  for (const trip of trips) {
    trip.sent ??= now;
    trip.lane ??= lane;
  }
}

/** Is told the position of the database after a write. */
export type OnPosition = (position: Position) => void;

/** Makes the function that notes the position after a commit on the trips of its writes. */
export const marking = (trips: readonly Trip[], onPosition: OnPosition) => (row: object) => {
  const position = positionOf(row as Mark);
  for (const trip of trips) trip.position = position;
  onPosition(position);
};
