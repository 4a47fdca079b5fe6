import DataLoader from "dataloader";
import pLimit from "p-limit";
import { timeTo, within } from "../deadline.ts";
import { type Driver, onceFor, type Questions, type Reads, type Row } from "./database.ts";

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
 * Statements that are planned for their values, as searches are, may take long. Few of them run at a time: those that wait can
 * still be shared, and a read that takes no time finds a connection.
 *
 * @param timeout milliseconds that a query may take
 * @param searches how many of these run at a time at most
 */
export function sharedReads(driver: Driver, timeout: number, searches: number): Reads {
  const share = groupCommit();
  const asSearch = pLimit(searches);
  const loadOf = onceFor(
    (questions: Questions<unknown>) => questions,
    (questions) =>
      loading(async (asked) => {
        const statement = questions.statementFor(asked);
        return questions.answers(await driver.query(() => statement, timeout), asked);
      }),
  );

  return {
    ask: (questions, question, time) => within(time, loadOf(questions as Questions<unknown>)(question)),
    read(statement, time) {
      const key = JSON.stringify([statement.name ?? statement.text, statement.values]);
      const result = share(key, (leave) => {
        // From here on: whoever shares the next query has waited for the one before.
        const end = performance.now() + timeout;
        const run = async () => driver.query(() => leave(statement), timeTo(end));
        return statement.name ? run() : asSearch(run);
      });
      return within(time, result);
    },
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

/** Work that hands on what it sends at the moment that it does. */
type Work = (leave: <S>(statement: S) => S) => Promise<Row[]>;

/** Runs work at most once at a time under a key. Those who ask before it leaves share it, and those who ask later the next. */
function groupCommit(): (key: string, work: Work) => Promise<Row[]> {
  interface Run {
    state: { hasLeft: boolean };
    result: Promise<Row[]>;
    next: Promise<Row[]> | undefined;
  }
  const running = new Map<string, Run>();

  const start = (key: string, work: Work): Promise<Row[]> => {
    const state = { hasLeft: false };
    const result = work((statement) => {
      state.hasLeft = true;
      return statement;
    });
    const run: Run = { state, result, next: undefined };
    running.set(key, run);
    const done = () => {
      if (running.get(key) === run && !run.next) running.delete(key);
    };
    result.then(done, done);
    return result;
  };

  return (key, work) => {
    const run = running.get(key);
    if (!run) return start(key, work);
    if (!run.state.hasLeft) return run.result;
    const go = () => start(key, work);
    run.next ??= run.result.then(go, go);
    return run.next;
  };
}
