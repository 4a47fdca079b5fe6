import { LateError, within } from "../deadline.ts";
import type { Driver, Row, Statement, Write } from "./database.ts";

/** So many writes commit together at most: whatever holds one of them up, cleaning the search index say, holds up all. */
const MAX_WRITES = 8;

/**
 * How long a transaction of many may wait for a lock, and any of them keep those behind it waiting, in milliseconds: a book
 * that somebody else holds must not keep the others, and two transactions may want the same rows in another order.
 */
const LOCK_TIMEOUT_MS = 100;

/** A write that has not left yet. */
interface Waiting {
  statement: Statement;
  /** When nobody waits for it any more, as `performance.now()` will tell. */
  end: number;
  resolve(rows: Row[]): void;
  reject(error: unknown): void;
}

/**
 * Writes that share transactions, for runtimes that serve many requests at a time: group commit. While as many transactions
 * run as there may, the writes that come meanwhile wait, and leave together in the next: one round trip, one flush to
 * disk, and one wait for the lock of a book that all of them sell. Where there is room a write leaves at once, by itself.
 *
 * Each is answered once its transaction is committed. Where one fails, the transaction has left nothing, and each write is
 * tried again by itself: what fails then fails alone.
 *
 * @param transactions how many run at a time at most
 */
export function sharedWrites(driver: Driver, transactions: number): Write {
  const waiting: Waiting[] = [];
  let running = 0;

  const alone = async ({ statement, end, resolve, reject }: Waiting) => {
    try {
      const time = timeTo(end);
      if (time <= 0) throw new LateError();
      resolve(await driver.query(() => statement, time));
    } catch (error) {
      reject(error);
    }
  };

  const together = async (writes: Waiting[]) => {
    const time = timeTo(Math.max(...writes.map(({ end }) => end)));
    const statements = [LIMIT_LOCKS, ...writes.map(({ statement }) => statement)];
    try {
      const [, ...results] = await driver.batch("write", statements, time);
      for (const [at, { resolve }] of writes.entries()) resolve(results[at] ?? []);
    } catch (error) {
      if (wasRolledBack(error)) await Promise.all(writes.map(alone));
      else for (const { reject } of writes) reject(error);
    }
  };

  const send = async () => {
    const now = performance.now();
    const writes = waiting.splice(0, MAX_WRITES).filter(({ end, reject }) => {
      if (end <= now) reject(new LateError());
      return end > now;
    });
    running++;
    const [first, ...others] = writes;
    const done = first && (others.length === 0 ? alone(first) : together(writes));
    if (done) await within(LOCK_TIMEOUT_MS, done).catch(() => {});
    running--;
    if (waiting.length > 0) send();
  };

  return (statement, time) =>
    within(
      time,
      new Promise<Row[]>((resolve, reject) => {
        waiting.push({ statement, end: performance.now() + time, resolve, reject });
        if (running < transactions) send();
      }),
    );
}

/** Whole milliseconds, as Node's timers of signals want them. */
const timeTo = (end: number) => Math.floor(end - performance.now());

const LIMIT_LOCKS: Statement = { text: `set local lock_timeout = ${LOCK_TIMEOUT_MS}`, values: [] };

/** After an error of a statement Postgres takes the whole transaction back; of any other the outcome is unknown. */
const wasRolledBack = (error: unknown) => (error as { severity?: unknown }).severity === "ERROR";
