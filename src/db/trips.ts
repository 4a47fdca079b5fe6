import type { LaneName } from "./scheduler.ts";

/** `traceparent` and `tracestate` (https://www.w3.org/TR/trace-context/). */
export type TraceHeaders = Readonly<Record<string, string>>;

/** A round trip of one caller, as it goes. Moments are in the time of `performance.now()`. */
export interface Trip {
  readonly deadline: number;
  readonly traceHeaders: TraceHeaders | undefined;
  readonly gone: Gone | undefined;
  readonly started: number;
  /** When its statement was sent, alone or with others; undefined while it waits. */
  sent: number | undefined;
  /** The lane in which it waited; undefined where nothing waits. */
  lane: LaneName | undefined;
  ended: number | undefined;
  hasFailed: boolean;
}

/** Gives a signal that aborts when the caller has gone. A function, because few calls need it. */
export type Gone = () => AbortSignal;

/** Is told of each round trip when it has ended. */
export type OnTrip = (trip: Trip) => void;

export function startTrip(
  deadline: number,
  { traceHeaders, gone }: Partial<Pick<Trip, "traceHeaders" | "gone">>,
): Trip {
  const started = performance.now();
  return {
    deadline,
    traceHeaders,
    gone,
    started,
    sent: undefined,
    lane: undefined,
    ended: undefined,
    hasFailed: false,
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
