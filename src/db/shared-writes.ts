import pLimit from "p-limit";
import { LateError, timeTo, within } from "../deadline.ts";
import { apart, type Driver, type Questions, type Row, type Statement, type Writes } from "./database.ts";
import { isOfStatement } from "./faults.ts";
import { inTurn } from "./in-turn.ts";

/** So many writes commit together at most: whatever holds one of them up, cleaning the search index say, holds up all. */
const MAX_WRITES = 8;

/**
 * How long a transaction of many may wait for a lock, and any of them keep those behind it waiting, in milliseconds: a book
 * that somebody else holds must not keep the others, and two transactions may want the same rows in another order.
 */
const LOCK_TIMEOUT_MS = 100;

/** A write that has not left yet. */
interface Waiting {
  questions: Questions<unknown>;
  question: unknown;
  /** When nobody waits for it any more, as `performance.now()` will tell. */
  end: number;
  resolve(rows: Row[]): void;
  reject(error: unknown): void;
}

/**
 * Writes that share transactions, for runtimes that serve many requests at a time: group commit. While as many transactions
 * run as there may, the writes that come meanwhile wait, and leave together in the next: one round trip, one flush to
 * disk, and one wait for the lock of a book that all of them sell. Those that can be one statement are one. Where there is room
 * a write leaves at once, by itself.
 *
 * Each is answered once its transaction is committed. Where one fails, the transaction has left nothing, and each write is
 * tried again by itself: what fails then fails alone.
 *
 * @param transactions how many run at a time; with those that have waited long for a lock, and batches, twice as many at most
 */
export function sharedWrites(driver: Driver, transactions: number): Writes {
  const waiting: Waiting[] = [];
  const { ask, batch } = apart(inTurn(driver, pLimit(2 * transactions))).writes;
  let running = 0;

  const alone = async ({ questions, question, end, resolve, reject }: Waiting) => {
    try {
      resolve(await ask(questions, question, timeTo(end)));
    } catch (error) {
      reject(error);
    }
  };

  const together = async (writes: Waiting[]) => {
    const groups = [...byQuestions(writes)].map(([questions, writes]) => {
      const asked = writes.map(({ question }) => question);
      return { questions, asked, writes };
    });
    try {
      const time = timeTo(Math.max(...writes.map(({ end }) => end)));
      const statements = groups.map(({ questions, asked }) => questions.statementFor(asked));
      const [, ...results] = await batch([LIMIT_LOCKS, ...statements], time);
      for (const [at, { questions, asked, writes }] of groups.entries()) {
        const answers = questions.answers(results[at] ?? [], asked);
        for (const [place, { resolve }] of writes.entries()) resolve(answers[place] ?? []);
      }
    } catch (error) {
      // Then the whole transaction was rolled back; after any other error the outcome is unknown.
      if (isOfStatement(error)) await Promise.all(writes.map(alone));
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

  return {
    ask: (questions, question, time) =>
      within(
        time,
        new Promise<Row[]>((resolve, reject) => {
          const end = performance.now() + time;
          waiting.push({ questions: questions as Questions<unknown>, question, end, resolve, reject });
          if (running < transactions) send();
        }),
      ),
    batch,
  };
}

/** Writes that may be one statement, next to each other. */
function byQuestions(writes: Waiting[]): Map<Questions<unknown>, Waiting[]> {
  const groups = new Map<Questions<unknown>, Waiting[]>();
  for (const write of writes) {
    const group = groups.get(write.questions);
    if (group) group.push(write);
    else groups.set(write.questions, [write]);
  }
  return groups;
}

const LIMIT_LOCKS: Statement = { text: `set local lock_timeout = ${LOCK_TIMEOUT_MS}`, values: [] };
