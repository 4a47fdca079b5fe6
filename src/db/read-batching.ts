import DataLoader from "dataloader";
import { deadlineIn, within } from "../deadline.ts";
import type { Batcher, Reads } from "./connection.ts";
import type { CallOptions, Driver, Row } from "./ports.ts";
import type { LaneName, Limits, Scheduler } from "./scheduler.ts";
import { onceFor } from "./statements.ts";
import { type Guard, haveGone, markSent, type Trip } from "./trips.ts";

/** The most calls that one statement takes: while Postgres runs it, the server has time for the next calls. */
const MAX_CALLS = 32;

/**
 * Reads that share statements, for runtimes that serve many requests at a time. Calls of the same kind that arrive in one
 * turn of the event loop become one statement. Of equal statements one runs at a time, and calls that arrive meanwhile share
 * the next. It does not wait for one that has lost its callers: a connection that has gone silent holds nobody up.
 *
 * No reply is stale: a call never joins a statement that has been sent, so it sees every write that was answered before it
 * began. A call whose deadline passes leaves alone, because the statement has a deadline of its own.
 *
 * @param timeout milliseconds that a statement may take
 */
export function batchedReads(driver: Driver, scheduler: Scheduler, timeout: number): Reads {
  const coalesce = coalescer();
  const loadersOf = onceFor((batcher: Batcher<unknown>) => {
    const load = () =>
      loader(async (calls, trips) => {
        const { lane } = batcher;
        const deadline = deadlineIn(timeout);
        scheduler.join(lane, trips.length - 1);
        const statement = batcher.statementFor(calls);
        const atTurn = () => !haveGone(trips);
        const rows = await scheduler.run(lane, { deadline, atTurn }, () => {
          markSent(trips, lane);
          return driver.query(statement, deadline, optionsOf(trips));
        });
        return batcher.rowsByCall(rows, calls);
      });
    return { none: load(), lsn: load(), xid: load() };
  });

  return {
    batched: (batcher, call, trip) => loadersOf(batcher as Batcher<unknown>)[kindOf(trip)](call, trip),
    query(statement, trip) {
      // Most named statements have one plan whatever their values are, and are quick.
      const lane: LaneName = statement.lane ?? (statement.name ? "pages" : "searches");
      const key = JSON.stringify([kindOf(trip), statement.name ?? statement.text, statement.values]);
      const { shared, isJoined } = coalesce(key, trip, (run) =>
        scheduler.run(lane, run, () => {
          markSent(run.trips, lane);
          return driver.query(statement, deadlineIn(timeout), optionsOf(run.trips));
        }),
      );
      if (isJoined) scheduler.join(lane, 1);
      return shared;
    },
    snapshot(statements, trip) {
      const { deadline } = trip;
      const atTurn = () => !haveGone([trip]);
      return scheduler.run("searches", { deadline, atTurn }, () => {
        markSent([trip], "searches");
        return driver.batch("snapshot", statements, deadline, optionsOf([trip]));
      });
    },
  };
}

/** What holds for all that share a statement. */
const optionsOf = (trips: readonly Trip[]): CallOptions => ({
  guard: guardOf(trips),
  gone: () => allGone(trips),
});

/** Aborts once every caller has gone. */
function allGone(trips: readonly Trip[]): AbortSignal {
  const controller = new AbortController();
  const signals = trips.flatMap(({ waiter }) => waiter?.signal ?? []);
  const check = () => {
    if (signals.length === trips.length && signals.every(({ aborted }) => aborted)) controller.abort();
  };
  check();
  for (const signal of signals) signal.addEventListener("abort", check, { once: true });
  return controller.signal;
}

/** What has a position shares statements with others of its kind alone: nobody else has to wait for one. */
const kindOf = ({ guard }: Trip) => guard?.after?.kind ?? "none";

/** The guard of the furthest position, which holds for all of them. */
function guardOf(trips: readonly Trip[]): Guard | undefined {
  let furthest: Guard | undefined;
  for (const { guard } of trips)
    if (guard && (guard.after?.value ?? 0) >= (furthest?.after?.value ?? 0)) furthest = guard;
  return furthest;
}

type RunAll<Call> = (calls: readonly Call[], trips: readonly Trip[]) => Promise<Row[][]>;

/** Makes a function that runs a call together with the others of its turn. */
function loader<Call>(runAll: RunAll<Call>): (call: Call, trip: Trip) => Promise<Row[]> {
  // Equal calls share a result, until they are sent.
  const waiting = new Map<string, Promise<Row[]>>();
  let trips: Trip[] = [];
  let send = () => {};
  const loader = new DataLoader<Call, Row[], string>(
    (calls) => {
      waiting.clear();
      const leaving = trips;
      trips = [];
      return runAll(calls, leaving);
    },
    {
      cacheMap: waiting,
      cacheKeyFn: (call) => JSON.stringify(call),
      // setImmediate and not the next tick: the callback of every socket has a tick of its own.
      batchScheduleFn(dispatch) {
        const end = setImmediate(dispatch);
        send = () => {
          clearImmediate(end);
          dispatch();
        };
      },
    },
  );
  return (call, trip) => {
    trips.push(trip);
    const rows = loader.load(call);
    if (waiting.size === MAX_CALLS) send();
    return rows;
  };
}

/** A statement that several callers may wait for. */
interface Run extends Limits {
  /** When the last caller stops waiting. */
  deadline: number;
  /** Once it is its turn, nobody joins it. */
  isClosed: boolean;
  trips: Trip[];
  result: Promise<Row[]>;
  next?: Run;
}

type Coalesce = (
  key: string,
  trip: Trip,
  work: (run: Run) => Promise<Row[]>,
) => { shared: Promise<Row[]>; isJoined: boolean };

/**
 * Makes a function that runs work under a key, once at a time as long as its callers wait. Callers share the run that is not
 * closed yet, or else the next.
 */
function coalescer(): Coalesce {
  const running = new Map<string, Run>();

  return (key, trip, work) => {
    const current = running.get(key);
    const waiting = current?.isClosed ? current.next : current;
    if (waiting) {
      waiting.deadline = Math.max(waiting.deadline, trip.deadline);
      waiting.trips.push(trip);
      return { shared: waiting.result, isJoined: true };
    }
    const atTurn = () => {
      // Whoever comes later must not get what was read before.
      run.isClosed = true;
      return !haveGone(run.trips);
    };
    const run = { deadline: trip.deadline, atTurn, isClosed: false, trips: [trip] } as unknown as Run;
    const start = (): Promise<Row[]> => {
      running.set(key, run);
      const result = work(run);
      const finish = () => {
        if (!run.next) running.delete(key);
      };
      result.then(finish, finish);
      return result;
    };
    if (current) current.next = run;
    // A run that is closed keeps its deadline.
    run.result = current
      ? within(current.deadline - performance.now(), current.result).then(start, start)
      : start();
    return { shared: run.result, isJoined: false };
  };
}
