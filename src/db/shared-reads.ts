import DataLoader from "dataloader";
import pLimit from "p-limit";
import { timeTo, within } from "../deadline.ts";
import { apart, type Driver, type Questions, type Reads, type Row } from "./database.ts";
import { inTurn } from "./in-turn.ts";
import { onceFor } from "./statements.ts";

/** So many questions leave at once: while Postgres answers them, the server has time for the next ones. */
const MAX_QUESTIONS = 32;

/**
 * Reads that share queries, for runtimes that serve many requests at a time. What can be asked together and comes in the same
 * turn of the event loop is one query; and of equal statements one runs at a time, while those that come meanwhile
 * share the next, as in group commit.
 *
 * No answer is stale: a query is never joined once it has been sent, so that whoever begins to read after a write was
 * answered sees it. A reader whose time is over leaves alone, as the query has a time of its own.
 *
 * Statements that are planned for their values, as searches are, may take long, and so may counts. Few of them run at a time:
 * searches that wait can still be shared, and a read that takes no time finds a connection.
 *
 * @param timeout milliseconds that a query may take
 * @param searches how many of those that may take long run at a time at most
 */
export function sharedReads(driver: Driver, timeout: number, searches: number): Reads {
  const share = groupCommit();
  const asSearch = pLimit(searches);
  const loadOf = onceFor((questions: Questions<unknown>) =>
    loading(async (asked) => {
      const statement = questions.statementFor(asked);
      return questions.answers(await driver.query(() => statement, timeout), asked);
    }),
  );

  return {
    ask: (questions, question, time) => within(time, loadOf(questions as Questions<unknown>)(question)),
    read(statement, time) {
      const key = JSON.stringify([statement.name ?? statement.text, statement.values]);
      const result = share(key, performance.now() + time, (run) => {
        const send = async () => {
          // It is not for those who have left meanwhile, and it is for all that it takes.
          timeTo(run.end);
          return driver.query(() => {
            run.hasLeft = true;
            return statement;
          }, timeout);
        };
        return statement.name ? send() : asSearch(send);
      });
      return within(time, result);
    },
    batch: apart(inTurn(driver, asSearch)).reads.batch,
  };
}

/** Makes what answers a question together with others. */
function loading<Q>(answer: (questions: readonly Q[]) => Promise<Row[][]>): (question: Q) => Promise<Row[]> {
  // Equal questions share an answer, but only until they leave.
  const waiting = new Map<string, Promise<Row[]>>();
  let send = () => {};
  const loader = new DataLoader<Q, Row[], string>(
    (questions) => {
      waiting.clear();
      return answer(questions);
    },
    {
      cacheMap: waiting,
      cacheKeyFn: (question) => JSON.stringify(question),
      // Not with the tick, as the callback of every socket has one of its own.
      batchScheduleFn(dispatch) {
        const end = setImmediate(dispatch);
        send = () => {
          clearImmediate(end);
          dispatch();
        };
      },
    },
  );
  return (question) => {
    const rows = loader.load(question);
    if (waiting.size === MAX_QUESTIONS) send();
    return rows;
  };
}

/** Work that several may wait for. */
interface Run {
  /** When nobody waits for it any more, as `performance.now()` will tell. */
  end: number;
  /** From then on nobody joins it. */
  hasLeft: boolean;
  result: Promise<Row[]>;
  next?: Run;
}

type Work = (run: Run) => Promise<Row[]>;

/**
 * Runs work at most once at a time under a key. Those who ask before it leaves share it, and those who ask later the next.
 * Each tells until when it waits.
 */
function groupCommit(): (key: string, end: number, work: Work) => Promise<Row[]> {
  const running = new Map<string, Run>();

  const start = (key: string, run: Run, work: Work): Promise<Row[]> => {
    running.set(key, run);
    const result = work(run);
    const done = () => {
      if (!run.next) running.delete(key);
    };
    result.then(done, done);
    return result;
  };

  return (key, end, work) => {
    const current = running.get(key);
    const waiting = current?.hasLeft ? current.next : current;
    if (waiting) {
      waiting.end = Math.max(waiting.end, end);
      return waiting.result;
    }
    const run = { end, hasLeft: false } as Run;
    const go = () => start(key, run, work);
    if (current) current.next = run;
    run.result = current ? current.result.then(go, go) : go();
    return run.result;
  };
}
