import pLimit from "p-limit";
import { LateError, timeTo, within } from "../deadline.ts";
import type { Batcher, Writes } from "./connection.ts";
import { isLockTimeout, isOfStatement } from "./faults.ts";
import type { Driver, Row } from "./ports.ts";
import type { Statement } from "./statements.ts";

/** The most writes in one group: whatever holds up one of them, such as the cleaning of an index, holds up all. */
const MAX_GROUP = 8;

/** How long a write waits for a lock before it makes way for others, in milliseconds. */
const LOCK_TIMEOUT_MS = 100;
const LIMIT_LOCKS: Statement = { text: `set local lock_timeout = ${LOCK_TIMEOUT_MS}`, values: [] };

/** A write that is not sent yet: a call, of which several can be one statement, or a transaction of its own. */
type Waiting = {
  /** When its caller stops waiting, by `performance.now()`. */
  end: number;
  /** Its group failed, so that it goes by itself. */
  isAlone: boolean;
  reject(error: unknown): void;
} & (
  | { batcher: Batcher<unknown>; call: unknown; resolve(rows: Row[]): void }
  | { statements: Statement[]; resolve(results: Row[][]): void }
);
type WaitingCall = Extract<Waiting, { call: unknown }>;

/**
 * Group commit, for runtimes that serve many requests at a time. While the fresh lane is full, writes that arrive wait, and
 * then leave together in one transaction: one round trip, one flush to disk, and one wait for the lock of a book that all
 * of them sell. Writes that can be one statement are one. While there is room, a write leaves at once, by itself.
 *
 * Each write is answered after its commit. If a group fails, nothing of it was written, and each write is made again by
 * itself, so that only what is wrong fails.
 *
 * A write that waits for a lock must not hold up the others. Some writes wait in a lane of their own for as long as their
 * requests have time; the others give up after {@link LOCK_TIMEOUT_MS} and queue for that lane.
 *
 * @param places the size of each lane: transactions that run at a time, and writes that wait for locks
 */
export function sharedWrites(driver: Driver, places: number): Writes {
  const waiting: Waiting[] = [];
  const lockLane = pLimit(places);
  const canWait = () => lockLane.activeCount + lockLane.pendingCount < places;
  let running = 0;

  const send = () => {
    while (running < places && waiting.length > 0) {
      const [first, ...others] = takeNext(waiting);
      if (!first) continue;
      running++;
      const done = others.length > 0 ? runGroup([first, ...others] as WaitingCall[]) : runAlone(first);
      done.finally(() => {
        running--;
        send();
      });
    }
  };

  /** Resolves when the write leaves the fresh lane: at its end, or once it has waited for {@link LOCK_TIMEOUT_MS}. */
  const runAlone = async (write: Waiting) => {
    if (canWait()) return within(LOCK_TIMEOUT_MS, runInLockLane(write)).catch(() => {});
    try {
      await run(driver, write, [LIMIT_LOCKS]);
    } catch (error) {
      if (isLockTimeout(error)) runInLockLane(write);
      else write.reject(error);
    }
  };

  const runInLockLane = (write: Waiting) => lockLane(() => run(driver, write, []).catch(write.reject));

  const runGroup = async (writes: WaitingCall[]) => {
    try {
      await runTogether(driver, writes);
    } catch (error) {
      // Such an error has rolled the whole transaction back; after any other the outcome is unknown.
      if (isOfStatement(error)) waiting.unshift(...writes.map((write) => ({ ...write, isAlone: true })));
      else for (const { reject } of writes) reject(error);
    }
  };

  const add = <T>(time: number, write: Partial<Waiting>) =>
    within(
      time,
      new Promise<T>((resolve, reject) => {
        const end = performance.now() + time;
        waiting.push({ ...write, end, isAlone: false, resolve, reject } as Waiting);
        send();
      }),
    );

  return {
    batched: (batcher, call, time) => add(time, { batcher: batcher as Batcher<unknown>, call }),
    transaction: (statements, time) => add(time, { statements }),
  };
}

/** Takes what leaves next from the queue: one write, or a group. Writes whose time is over are rejected. */
function takeNext(waiting: Waiting[]): Waiting[] {
  const canJoin = (write: Waiting) => "call" in write && !write.isAlone;
  const end = waiting.findIndex((write, at) => at === MAX_GROUP || !canJoin(write));
  const now = performance.now();
  return waiting.splice(0, end < 0 ? waiting.length : Math.max(1, end)).filter(({ end, reject }) => {
    if (end <= now) reject(new LateError());
    return end > now;
  });
}

/** Runs a write by itself; with statements before it, in a transaction. */
async function run(driver: Driver, write: Waiting, before: Statement[]): Promise<void> {
  const time = timeTo(write.end);
  const transact = async (statements: Statement[]) =>
    (await driver.batch("write", [...before, ...statements], time)).slice(before.length);
  if ("statements" in write) return write.resolve(await transact(write.statements));
  const { batcher, call, resolve } = write;
  const statement = batcher.statementFor([call]);
  const [rows = []] =
    before.length > 0 ? await transact([statement]) : [await driver.query(() => statement, time)];
  resolve(batcher.rowsByCall(rows, [call])[0] ?? []);
}

/** Runs writes as one transaction. */
async function runTogether(driver: Driver, writes: WaitingCall[]): Promise<void> {
  const parts = [...byBatcher(writes)].map(([batcher, writes]) => {
    const calls = writes.map(({ call }) => call);
    return { batcher, calls, writes };
  });
  const time = timeTo(Math.max(...writes.map(({ end }) => end)));
  const statements = parts.map(({ batcher, calls }) => batcher.statementFor(calls));
  const [, ...results] = await driver.batch("write", [LIMIT_LOCKS, ...statements], time);
  for (const [at, { batcher, calls, writes }] of parts.entries()) {
    const rows = batcher.rowsByCall(results[at] ?? [], calls);
    for (const [place, { resolve }] of writes.entries()) resolve(rows[place] ?? []);
  }
}

/** Groups the writes that can be one statement. */
function byBatcher(writes: WaitingCall[]): Map<Batcher<unknown>, WaitingCall[]> {
  const groups = new Map<Batcher<unknown>, WaitingCall[]>();
  for (const write of writes) {
    const group = groups.get(write.batcher);
    if (group) group.push(write);
    else groups.set(write.batcher, [write]);
  }
  return groups;
}
