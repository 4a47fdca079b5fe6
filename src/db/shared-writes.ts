import pLimit from "p-limit";
import { LateError, timeTo, within } from "../deadline.ts";
import type { Driver, Questions, Row, Writes } from "./database.ts";
import { isLockTimeout, isOfStatement } from "./faults.ts";
import type { Statement } from "./statements.ts";

/** So many writes commit together at most: whatever holds one of them up, cleaning the search index say, holds up all. */
const MAX_WRITES = 8;

/** How long a write waits for a lock in the place of another, in milliseconds. */
const LOCK_TIMEOUT_MS = 100;
const LIMIT_LOCKS: Statement = { text: `set local lock_timeout = ${LOCK_TIMEOUT_MS}`, values: [] };

/** A write that has not left yet: a question, of which several may be one statement, or a transaction of its own. */
type Waiting = {
  /** When nobody waits for it any more, as `performance.now()` will tell. */
  end: number;
  /** The transaction that it was a part of failed, and it goes by itself. */
  isAlone: boolean;
  reject(error: unknown): void;
} & (
  | { questions: Questions<unknown>; question: unknown; resolve(rows: Row[]): void }
  | { statements: Statement[]; resolve(results: Row[][]): void }
);
type Asked = Extract<Waiting, { question: unknown }>;

/**
 * Writes that share transactions, for runtimes that serve many requests at a time: group commit. While as many transactions
 * run as there may, the writes that come meanwhile wait, and leave together in the next: one round trip, one flush to
 * disk, and one wait for the lock of a book that all of them sell. Those that can be one statement are one. Where there is room
 * a write leaves at once, by itself.
 *
 * Each is answered once its transaction is committed. Where one fails, the transaction has left nothing, and each write is
 * tried again by itself: what fails then fails alone.
 *
 * What waits for a lock must not hold up what could be written. Some writes may wait for as long as their requests have time;
 * the others give up a lock after {@link LOCK_TIMEOUT_MS}, and stand in line to be one of those.
 *
 * @param places how many transactions run at a time, and how many more may be waiting for locks
 */
export function sharedWrites(driver: Driver, places: number): Writes {
  const waiting: Waiting[] = [];
  const patiently = pLimit(places);
  const canWait = () => patiently.activeCount + patiently.pendingCount < places;
  let running = 0;

  const send = () => {
    while (running < places && waiting.length > 0) {
      const [first, ...others] = takeNext(waiting);
      if (!first) continue;
      running++;
      const isGone = others.length > 0 ? together([first, ...others] as Asked[]) : alone(first);
      isGone.finally(() => {
        running--;
        send();
      });
    }
  };

  /** Resolves when the write has made way for others: at its end, or when it has waited long in a place of its own. */
  const alone = async (write: Waiting) => {
    if (canWait()) return within(LOCK_TIMEOUT_MS, runPatiently(write)).catch(() => {});
    try {
      await run(driver, write, [LIMIT_LOCKS]);
    } catch (error) {
      if (isLockTimeout(error)) runPatiently(write);
      else write.reject(error);
    }
  };

  const runPatiently = (write: Waiting) => patiently(() => run(driver, write, []).catch(write.reject));

  const together = async (writes: Asked[]) => {
    try {
      await runTogether(driver, writes);
    } catch (error) {
      // Then the whole transaction was rolled back; after any other error the outcome is unknown.
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
    ask: (questions, question, time) => add(time, { questions: questions as Questions<unknown>, question }),
    batch: (statements, time) => add(time, { statements }),
  };
}

/** Takes what leaves next off the line: one write, or as many as may be together. What is late is refused. */
function takeNext(waiting: Waiting[]): Waiting[] {
  const mayJoin = (write: Waiting) => "question" in write && !write.isAlone;
  const end = waiting.findIndex((write, at) => at === MAX_WRITES || !mayJoin(write));
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
  const { questions, question, resolve } = write;
  const statement = questions.statementFor([question]);
  const [rows = []] =
    before.length > 0 ? await transact([statement]) : [await driver.query(() => statement, time)];
  resolve(questions.answers(rows, [question])[0] ?? []);
}

async function runTogether(driver: Driver, writes: Asked[]): Promise<void> {
  const groups = [...byQuestions(writes)].map(([questions, writes]) => {
    const asked = writes.map(({ question }) => question);
    return { questions, asked, writes };
  });
  const time = timeTo(Math.max(...writes.map(({ end }) => end)));
  const statements = groups.map(({ questions, asked }) => questions.statementFor(asked));
  const [, ...results] = await driver.batch("write", [LIMIT_LOCKS, ...statements], time);
  for (const [at, { questions, asked, writes }] of groups.entries()) {
    const answers = questions.answers(results[at] ?? [], asked);
    for (const [place, { resolve }] of writes.entries()) resolve(answers[place] ?? []);
  }
}

/** Writes that may be one statement, next to each other. */
function byQuestions(writes: Asked[]): Map<Questions<unknown>, Asked[]> {
  const groups = new Map<Questions<unknown>, Asked[]>();
  for (const write of writes) {
    const group = groups.get(write.questions);
    if (group) group.push(write);
    else groups.set(write.questions, [write]);
  }
  return groups;
}
