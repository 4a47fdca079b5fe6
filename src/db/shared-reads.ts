import DataLoader from "dataloader";
import pLimit from "p-limit";
import { timeTo, within } from "../deadline.ts";
import { type Batcher, direct, type Reads } from "./connection.ts";
import { inTurn } from "./in-turn.ts";
import type { Driver, Row } from "./ports.ts";
import { onceFor } from "./statements.ts";

/** The most calls that one statement takes: while Postgres runs it, the server has time for the next calls. */
const MAX_CALLS = 32;

/**
 * Reads that share statements, for runtimes that serve many requests at a time. Calls of the same kind that arrive in one turn
 * of the event loop become one statement. Of equal statements one runs at a time, and calls that arrive meanwhile share
 * the next.
 *
 * No reply is stale: a call never joins a statement that has been sent, so it sees every write that was answered before it
 * began. A call whose deadline passes leaves alone, because the statement has a deadline of its own.
 *
 * Statements that are planned for their values, such as searches and counts, can take long. Few of them run at a time, so
 * that other reads find a connection.
 *
 * @param timeout milliseconds that a statement may take
 * @param searches how many statements that can take long run at a time
 */
export function sharedReads(driver: Driver, timeout: number, searches: number): Reads {
  const share = coalescer();
  const searchLane = pLimit(searches);
  const loaderOf = onceFor((batcher: Batcher<unknown>) =>
    loader(async (calls) => {
      const statement = batcher.statementFor(calls);
      return batcher.rowsByCall(await driver.query(() => statement, timeout), calls);
    }),
  );

  return {
    batched: (batcher, call, time) => within(time, loaderOf(batcher as Batcher<unknown>)(call)),
    query(statement, time) {
      const key = JSON.stringify([statement.name ?? statement.text, statement.values]);
      const result = share(key, performance.now() + time, (run) => {
        const send = async () => {
          // Everybody may have left while it waited for its turn.
          timeTo(run.end);
          return driver.query(() => {
            run.isSent = true;
            return statement;
          }, timeout);
        };
        return statement.name ? send() : searchLane(send);
      });
      return within(time, result);
    },
    snapshot: direct(inTurn(driver, searchLane)).reads.snapshot,
  };
}

/** Makes what runs a call together with the others of its turn. */
function loader<Call>(runAll: (calls: readonly Call[]) => Promise<Row[][]>): (call: Call) => Promise<Row[]> {
  // Equal calls share a result, until they are sent.
  const waiting = new Map<string, Promise<Row[]>>();
  let send = () => {};
  const loader = new DataLoader<Call, Row[], string>(
    (calls) => {
      waiting.clear();
      return runAll(calls);
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
  return (call) => {
    const rows = loader.load(call);
    if (waiting.size === MAX_CALLS) send();
    return rows;
  };
}

/** A statement that several callers may wait for. */
interface Run {
  /** When the last caller stops waiting, by `performance.now()`. */
  end: number;
  /** Once it is sent, nobody joins it. */
  isSent: boolean;
  result: Promise<Row[]>;
  next?: Run;
}

/**
 * Makes what runs work under a key, once at a time. Callers share the run that is not sent yet, or else the next.
 *
 * @returns a function of the key, when the caller stops waiting, and the work
 */
function coalescer(): (key: string, end: number, work: (run: Run) => Promise<Row[]>) => Promise<Row[]> {
  const running = new Map<string, Run>();

  return (key, end, work) => {
    const current = running.get(key);
    const waiting = current?.isSent ? current.next : current;
    if (waiting) {
      waiting.end = Math.max(waiting.end, end);
      return waiting.result;
    }
    const run = { end, isSent: false } as Run;
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
    run.result = current ? current.result.then(start, start) : start();
    return run.result;
  };
}
